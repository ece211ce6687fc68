"""How a claim is decided from effects by seed: tests, their joint p values, and verdicts."""
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"


@dataclass
class Outcome:
    """What one test of a claim came to. An effect is positive where it has the claim's direction."""

    name: str
    unit: str = "1"
    threshold: float = 0.0
    effects: dict = field(default_factory=dict)  # by seed; empty where there are none, as of a net without seeds
    mean: float = np.nan
    low: float = np.nan  # of the 95 % interval
    high: float = np.nan
    p: float = np.nan  # two-sided, of a mean equal to the threshold
    wilcoxon: float = np.nan
    method: str = ""
    missing: list = field(default_factory=list)  # (what the test lacks, the seed or None)
    is_idle: bool = False  # there is nothing to decide: no loss to recover
    decides: bool = True  # for its claim; else it is only shown

    @property
    def is_decidable(self):
        return not self.missing and not self.is_idle and np.isfinite(self.p)

    @property
    def reaches(self):
        return self.mean >= self.threshold

    @property
    def side(self):
        """Where the 95 % interval lies, not adjusted for other tests: above the threshold, below it, or across it."""
        if not np.isfinite(self.low) or self.missing:
            return ""
        return "above" if self.low >= self.threshold else "below" if self.high < self.threshold else "across"

    @property
    def has_one_sign(self):
        return all(effect > 0 for effect in self.effects.values())


def named(missing):
    """[(what, seed)] as texts, each thing once with all its seeds: "families: dws, seeds 0, 3"."""
    seeds = {}
    for what, seed in missing:
        seeds.setdefault(what, []).extend([] if seed is None else [seed])
    return [f"{what}, seed{'s' if len(set(of)) > 1 else ''} {', '.join(str(seed) for seed in sorted(set(of)))}" if of else what
            for what, of in seeds.items()]


def t_test(effects, threshold, confidence=0.95):
    """(mean, low, high, p) of the mean of n effects against a threshold.

    Interval: mean +- t s / sqrt(n), t the 0.975 quantile of Student's distribution with n - 1 degrees of freedom; p is
    two-sided (Student 1908). Where all effects are equal there is no s, and p is the sign test's least, 2^(1 - n), or 1 at
    the threshold. Everything but the mean is NaN for n < 2.
    """
    values = np.asarray(list(effects), float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, np.nan, np.nan, np.nan
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    if error == 0:
        return mean, mean, mean, 1.0 if mean == threshold else 2.0 ** (1 - len(values))
    width = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * error
    p = 2 * stats.t.sf(abs(mean - threshold) / error, len(values) - 1)
    return mean, mean - width, mean + width, float(p)


def signed_rank(effects, threshold):
    """Exact two-sided p of the signed-rank test of effects minus threshold (Wilcoxon 1945); NaN without a difference."""
    values = np.asarray(list(effects), float) - threshold
    values = values[values != 0]
    if not len(values):
        return np.nan
    ranks = stats.rankdata(np.abs(values))
    observed = abs(ranks @ np.sign(values))
    signs = 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1) - 1
    return float(np.mean(np.abs(signs @ ranks) >= observed - 1e-9))


def bootstrap(draw, sizes, threshold, draws=2000, confidence=0.95):
    """(low, high, p) of a statistic over samples of `sizes` parts: `draw(indices, ...)` is its value on a resample of each.

    Percentile interval (Efron 1979, section 2); p is twice the smaller share of resamples on one side of the threshold, at
    least 2 / draws. The draws are the same in every call. Resamples without a finite value are left out.
    """
    generator = np.random.Generator(np.random.PCG64(0))
    with np.errstate(all="ignore"):
        values = np.array([draw(*(generator.integers(size, size=size) for size in sizes)) for _ in range(draws)], float)
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan, np.nan, np.nan
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    p = 2 * max(min(np.mean(values <= threshold), np.mean(values >= threshold)), 1 / draws)
    return float(low), float(high), min(float(p), 1.0)


def normal_test(value, error, threshold, confidence=0.95):
    """(low, high, p) of a value with a standard error, taken as normal. NaN without an error."""
    if not error > 0:
        return np.nan, np.nan, np.nan
    width = stats.norm.ppf(0.5 + confidence / 2) * error
    return value - width, value + width, float(2 * stats.norm.sf(abs(value - threshold) / error))


def permuted_trend(values, order, draws=9999):
    """(tau by row, p): Kendall's tau-b of each row of `values` [seed, level] with `order` [level], and the two-sided p of
    their mean where the levels of each row are exchangeable (Kendall 1938; permutation within blocks, Good 2005, section 5).

    p = (1 + draws as far from 0) / (1 + draws); the draws are the same in every call.
    """
    values, generator = np.asarray(values, float), np.random.Generator(np.random.PCG64(0))

    def signs(row):
        return (row[:, None] > row).astype(int) - (row[:, None] < row)  # no difference: levels may be infinite

    towards = signs(np.asarray(order, float))

    def tau(row):
        own = signs(row)
        ties = np.sqrt(np.sum(own ** 2) * np.sum(towards ** 2))
        return np.sum(own * towards) / ties if ties else 0.0

    observed = [float(tau(row)) for row in values]
    far = sum(abs(np.mean([tau(generator.permutation(row)) for row in values])) >= abs(np.mean(observed)) - 1e-9
              for _ in range(draws))
    return observed, (1 + far) / (1 + draws)


def claim_p(outcomes):
    """p of the answer that a claim's tests suggest.

    Where all means reach their thresholds, the claim holds only if every test says so: p is the largest (intersection-union
    test, Berger 1982). Else it fails if any test under its threshold says so: p is the smallest of those times the number of
    tests (Bonferroni). 1 where a test is missing or there is none.
    """
    deciding = [outcome for outcome in outcomes if outcome.decides and not outcome.is_idle]
    if not deciding or not all(outcome.is_decidable for outcome in deciding):
        return 1.0
    below = [outcome.p for outcome in deciding if not outcome.reaches]
    return min(1.0, len(deciding) * min(below)) if below else max(outcome.p for outcome in deciding)


def holm(p_values):
    """Adjusted p values in the order given (Holm 1979): the k-th smallest times m - k + 1, never under a smaller one's."""
    p_values = np.asarray(p_values, float)
    order, out, largest = np.argsort(p_values, kind="stable"), np.empty(len(p_values)), 0.0
    for place, index in enumerate(order):
        largest = max(largest, (len(p_values) - place) * p_values[index])
        out[index] = min(1.0, largest)
    return out


def listed(texts, most=3):
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def sides(outcomes):
    """How many deciding tests have their 95 % interval where: "10 above, 2 across"; the others lack a run, or a loss."""
    deciding = [outcome for outcome in outcomes if outcome.decides]
    names = ["no loss" if outcome.is_idle else outcome.side or "lack" for outcome in deciding]
    return ", ".join(f"{names.count(name)} {name}" for name in ("above", "across", "below", "no loss", "lack") if name in names)


def verdict_of(outcomes, adjusted, alpha):
    """(verdict, why) of a claim, whose p is `adjusted` for the number of claims."""
    deciding = [outcome for outcome in outcomes if outcome.decides]
    missing = named([entry for outcome in deciding for entry in outcome.missing])
    if missing:
        return UNDECIDED, f"lacks {listed(missing)}"
    active = [outcome for outcome in deciding if not outcome.is_idle]
    if not active:
        return UNDECIDED, "no net loses accuracy, so there is nothing to recover"
    short = [outcome.name for outcome in active if not np.isfinite(outcome.p)]
    if short:
        return UNDECIDED, f"too few seeds for a test of {listed(short)}"
    below = [outcome for outcome in active if not outcome.reaches]
    if below:
        below.sort(key=lambda outcome: outcome.p)
        names = listed([f"{outcome.name} ({outcome.mean:.3g}, threshold {outcome.threshold:.3g})" for outcome in below])
        return (FAILS if adjusted < alpha else UNDECIDED), f"{len(below)} of {len(active)} below: {names}"
    mixed = [outcome.name for outcome in active if not outcome.has_one_sign]
    if mixed:
        return UNDECIDED, f"not the same sign in every seed: {listed(mixed)}"
    if adjusted >= alpha:
        unsure = max(active, key=lambda outcome: outcome.p)
        return UNDECIDED, f"{len(active)} of {len(active)} reach their threshold, but p is {unsure.p:.2g} for {unsure.name}"
    return HOLDS, f"{len(active)} of {len(active)} reach their threshold with one sign"
