"""From claims.yaml and results to the outcome of every test, and the verdict of every claim."""
import itertools

import numpy as np
import yaml

import decision
import measures
import runs
import single_measures

KEYS = {"name", "group", "net", "nets", "where", "minus", "measure", "direction", "combine", "test", "by", "threshold", "seeds",
        "runs", "times", "unit", "decides"}
METHODS = {"t": "t over seeds", "trend": "permutation within seeds", "jackknife": "jackknife over seeds",
           "images": "normal, test images", "layers": "bootstrap over layers"}


def filled(value, names):
    """A value of claims.yaml with {name} replaced; a text that is one name alone becomes its value."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if isinstance(value, str):
        return names.get(value[1:-1], value.format(**names)) if "{" in value else value
    return value


def expanded(test):
    """The tests that one entry stands for: one for every combination of its `each`."""
    each = dict(test.get("each", {}))
    rest = {key: value for key, value in test.items() if key != "each"}
    unknown = set(rest) - KEYS
    if unknown:
        raise runs.UserError(f"test {test.get('name')}: unknown keys {', '.join(sorted(unknown))}; accepted: {', '.join(sorted(KEYS))}")
    return [filled(rest, dict(zip(each, values))) for values in itertools.product(*each.values())]


def call(table, measure, *arguments):
    """The value of `measure: {name: options}`."""
    (name, options), = measure.items()
    if name not in table:
        raise runs.UserError(f"measure {name} is not known here; accepted: {', '.join(sorted(table))}")
    return table[name](*arguments, **options)


class Study:
    """The results of one tier, and what tests make of them."""

    def __init__(self, groups, most_seeds=None):
        self.groups = groups
        self.most_seeds = most_seeds  # of a trial with fewer seeds than claims.yaml wants
        self.effects = []  # rows of effects.csv: test, seed, value, of minus, effect

    def seeds(self, test):
        """The seeds that a test wants: 0, 1 ..."""
        return range(min(test["seeds"], self.most_seeds or test["seeds"]))

    def nets(self, test):
        """{seed: Run} that a test, or its `minus`, is about."""
        return runs.chosen(self.groups.get(test["group"], []), test.get("net"), test.get("where"))

    def values(self, test, outcome):
        """{seed: value} of the seeds 0 ... that the test wants; what lacks is noted in the outcome."""
        found, out, idle = self.nets(test), {}, []
        for seed in self.seeds(test):
            if seed not in found:
                where = "".join(f", {key} {value}" for key, value in (test.get("where") or {}).items())
                outcome.missing.append((f"{test['group']}: {test['net']}{where}", seed))
                continue
            if "times" in test and not self.most_seeds and len(found[seed].epochs) < test["times"]:
                outcome.missing.append((f"{test['group']}: {test['net']}: {test['times'] - len(found[seed].epochs)} of {test['times']} snapshots",
                                        seed))
            try:
                out[seed] = float(call(measures.OF_RUNS, test["measure"], found[seed]))
                if np.isnan(out[seed]):
                    outcome.missing.append((f"{test['group']}: {test['net']}: the measure is NaN", seed))
            except measures.Idle:
                idle.append(seed)
            except runs.Missing as missing:
                outcome.missing.append((f"{test['group']}: {test['net']}: {missing}", seed))
        outcome.is_idle = bool(idle) and not out and not outcome.missing
        return out

    def paired(self, test, outcome):
        """{seed: effect}: differences (or ratios) of nets of one seed."""
        direction = -1 if test.get("direction") == "less" else 1
        first = self.values(test, outcome)
        if "minus" not in test:
            second = {}
            out = {seed: direction * value for seed, value in first.items()}
        else:
            second = self.values({**test, **test["minus"]}, outcome)
            out = {seed: combined(test.get("combine", "difference"), value, second[seed])
                   for seed, value in first.items() if seed in second}
            out = {seed: direction * effect for seed, effect in out.items() if effect is not None}
            outcome.is_idle = bool(first) and bool(second) and not out and not outcome.missing
        self.effects += [(outcome.name, seed, first[seed], second.get(seed, ""), out[seed]) for seed in out]
        return out

    def of_seeds(self, test, outcome):
        """{seed: effect} of a measure over all runs of a seed."""
        out = {}
        for seed in self.seeds(test):
            if "nets" in test:
                found = [runs.chosen(self.groups.get(test["group"], []), net).get(seed) for net in test["nets"]]
                absent = [net for net, run in zip(test["nets"], found) if run is None]
                outcome.missing += [(f"{test['group']}: {net}", seed) for net in absent]
                if absent:
                    continue
            else:
                found = [run for run in self.groups.get(test["group"], []) if run.seed == seed]
            if len(found) < test.get("runs", 1):
                outcome.missing.append((f"{test['group']}: {test.get('runs', 1) - len(found)} of {test.get('runs', 1)} runs", seed))
                continue
            try:
                out[seed] = call(measures.OF_SEEDS, test["measure"], found)
                self.effects.append((outcome.name, seed, out[seed], "", out[seed]))
            except runs.Missing as missing:
                outcome.missing.append((f"{test['group']}: {missing}", seed))
        return out

    def table(self, test, outcome):
        """(values [seed, level], levels): a measure of every run of a group, by seed and the value of the key `by`."""
        found = {}
        for run in self.groups.get(test["group"], []):
            level = yaml.safe_dump(run.key(test["by"]), default_flow_style=True, width=1000)
            found.setdefault(level.removesuffix("\n...\n").strip(), {})[run.seed] = run
        if len(found) < test["runs"]:
            outcome.missing.append((f"{test['group']}: {test['runs'] - len(found)} of {test['runs']} values of {test['by']}", None))
        rows = []
        for seed in self.seeds(test):
            row = []
            for level, of_level in found.items():
                if seed not in of_level:
                    outcome.missing.append((f"{test['group']}: {test['by']} {level}", seed))
                    continue
                try:
                    row.append(call(measures.OF_RUNS, test["measure"], of_level[seed]))
                except runs.Missing as missing:
                    outcome.missing.append((f"{test['group']}: {of_level[seed].member}: {missing}", None))
            rows.append(row)
        return rows, [next(iter(of_level.values())) for of_level in found.values()]

    def decide(self, test):
        """The Outcome of one test."""
        kind = test.get("test", "t")
        if kind not in METHODS:
            raise runs.UserError(f"test {test['name']}: test {kind}; accepted: {', '.join(METHODS)}")
        outcome = decision.Outcome(test["name"], test.get("unit", "1"), float(test["threshold"]), method=METHODS[kind],
                                   decides=test.get("decides", True))
        getattr(self, f"decide_{kind}")(test, outcome)
        return outcome

    def decide_t(self, test, outcome):
        is_of_seeds = next(iter(test["measure"])) in measures.OF_SEEDS
        outcome.effects = (self.of_seeds if is_of_seeds else self.paired)(test, outcome)
        self.judge(outcome)

    @staticmethod
    def judge(outcome):
        if outcome.effects:
            effects = list(outcome.effects.values())
            outcome.mean, outcome.low, outcome.high, outcome.p = decision.t_test(effects, outcome.threshold)
            outcome.wilcoxon = decision.signed_rank(effects, outcome.threshold)

    def decide_trend(self, test, outcome):
        rows, levels = self.table(test, outcome)
        if outcome.missing:
            return
        sign = -1 if test.get("direction") == "less" else 1
        order = [measures.level_of(run, test["by"]) for run in levels]
        taus, p = decision.permuted_trend(sign * np.array(rows), order)
        outcome.effects = dict(enumerate(taus))
        self.effects += [(outcome.name, seed, sign * tau, "", tau) for seed, tau in outcome.effects.items()]
        self.judge(outcome)
        if outcome.reaches:  # that there is a trend; below the threshold t says how certain that is
            outcome.p = p

    def decide_jackknife(self, test, outcome):
        rows, _ = self.table(test, outcome)
        if outcome.missing or len(rows) < 3:  # leaving one out must leave two
            return
        outcome.effects = dict(enumerate(measures.pseudo_values(rows)))
        self.effects += [(outcome.name, seed, value, "", value) for seed, value in outcome.effects.items()]
        self.judge(outcome)

    def single(self, test, outcome):
        """The one run of a net without seeds; None, noted, where there is none."""
        found = list(self.nets(test).values())
        if not found:
            outcome.missing.append((f"{test['group']}: {test['net']}", None))
        return found[0] if found else None

    def decide_images(self, test, outcome):
        run = self.single(test, outcome)
        try:
            if run:
                outcome.mean, error = call(single_measures.OF_IMAGES, test["measure"], run)
                outcome.low, outcome.high, outcome.p = decision.normal_test(outcome.mean, error, outcome.threshold)
                self.effects.append((outcome.name, "", outcome.mean, "", outcome.mean))
        except measures.Idle:
            outcome.is_idle = True
        except runs.Missing as missing:
            outcome.missing.append((f"{test['group']}: {test['net']}: {missing}", None))

    def decide_layers(self, test, outcome):
        parts = []
        for part in [test] + ([{**test, **test["minus"]}] if "minus" in test else []):
            run = self.single(part, outcome)
            try:
                if run:
                    parts.append(call(single_measures.OF_LAYERS, part["measure"], run))
            except runs.Missing as missing:
                outcome.missing.append((f"{part['group']}: {part['net']}: {missing}", None))
        if outcome.missing:
            return

        def draw(*chosen):
            values = [statistic(indices) for (statistic, _), indices in zip(parts, chosen)]
            return values[0] - sum(values[1:])

        sizes = [size for _, size in parts]
        outcome.mean = float(draw(*(np.arange(size) for size in sizes)))
        outcome.low, outcome.high, outcome.p = decision.bootstrap(draw, sizes, outcome.threshold)
        self.effects.append((outcome.name, "", outcome.mean, "", outcome.mean))


def combined(how, value, other):
    """Difference; log2 of the ratio, octaves; share_less: 1 - value / other, None where other is no loss."""
    if how == "difference":
        return value - other
    if how == "log2_ratio":
        return float(np.log2(value / other)) if value > 0 and other > 0 else float("nan")
    if how == "share_less":
        return None if other < measures.SMALL_LOSS else 1 - value / other
    raise runs.UserError(f"combine: {how}; accepted: difference, log2_ratio, share_less")


def decided(claims, study):
    """[(claim, outcomes, adjusted p, verdict, why)] of all claims."""
    outcomes = [[study.decide(part) for test in claim["tests"] for part in expanded(test)] for claim in claims["claims"]]
    adjusted = decision.holm([decision.claim_p(of_claim) for of_claim in outcomes])
    return [(claim, of_claim, p, *decision.verdict_of(of_claim, p, claims["alpha"]))
            for claim, of_claim, p in zip(claims["claims"], outcomes, adjusted)]
