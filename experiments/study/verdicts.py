#!/usr/bin/python3
"""Decides the claims of claims.yaml from the results of run.sh.

    verdicts.py RESULTS [--claims FILE] [--seeds N] [--figures]

RESULTS holds GROUP/MEMBER/result.h5. Writes there verdicts.md and verdicts.csv (a row a claim), tests.csv (a row a test),
effects.csv (a row a test and seed) and runs.csv (each result with its SHA-256); with --figures also figures/*.svg, *.png.
Needs h5py, scipy and yaml; --figures also matplotlib.
"""
import argparse
import csv
import itertools
import pathlib
import sys

try:
    import numpy as np
    import yaml
    import decision
    import measures
    import runs
except ImportError as missing:
    sys.exit(f"verdicts.py: {missing}; install python3-h5py, python3-scipy and python3-yaml")

HERE = pathlib.Path(__file__).resolve().parent
KEYS = {"name", "group", "net", "nets", "where", "minus", "measure", "direction", "combine", "test", "by", "threshold", "seeds",
        "runs", "unit", "decides"}
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
            out = {seed: direction * combined(test.get("combine", "difference"), value, second[seed])
                   for seed, value in first.items() if seed in second}
            out = {seed: effect for seed, effect in out.items() if effect is not None}
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
            level = yaml.safe_dump(runs.at(run.config, test["by"]), default_flow_style=True, width=1000)
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
                    outcome.missing.append((f"{test['group']}: {of_level[seed].folder.name}: {missing}", None))
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
        if outcome.missing:
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
                outcome.mean, error = call(measures.OF_IMAGES, test["measure"], run)
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
                    parts.append(call(measures.OF_LAYERS, part["measure"], run))
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


def number(value, digits=3):
    return "" if value is None or not np.isfinite(value) else f"{value:.{digits}g}"


def chance(p):
    """A p value for a table."""
    return "<1e-6" if p < 1e-6 else number(p, 2)


def test_row(claim, outcome):
    """A row of tests.csv."""
    state = "; ".join(decision.named(outcome.missing)) or ("no loss" if outcome.is_idle else "")
    return {"claim": claim["claim"], "test": outcome.name, "decides": "yes" if outcome.decides else "no",
            "effect": number(outcome.mean), "low": number(outcome.low), "high": number(outcome.high), "unit": outcome.unit,
            "threshold": number(outcome.threshold), "interval": outcome.side, "p": chance(outcome.p), "wilcoxon_p": chance(outcome.wilcoxon),
            "positive": f"{sum(effect > 0 for effect in outcome.effects.values())} of {len(outcome.effects)}" if outcome.effects else "",
            "method": outcome.method, "lacks": state}


def markdown(rows, columns):
    cells = [[str(row[column]).replace("|", "\\|") for column in columns] for row in rows]
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
                     + ["| " + " | ".join(row) + " |" for row in cells]) + "\n"


def write_csv(path, rows, columns):
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, columns)
        writer.writeheader()
        writer.writerows(rows)


def run_rows(groups):
    """A row a result: where it lies, and the SHA-256 that lies beside it."""
    for group, of_group in groups.items():
        for run in of_group:
            for result in [part for point in getattr(run, "points", [run]) for part in point.results]:
                sums = pathlib.Path(result.path + ".sha256")
                yield {"group": group, "net": run.net, "seed": run.seed, "file": result.path,
                       "sha256": sums.read_text(encoding="utf-8").split()[0] if sums.is_file() else ""}


def write(folder, results, study):
    """All tables; returns the Markdown."""
    verdicts = [{"claim": claim["claim"], "title": claim["title"], "asks": claim["asks"], "verdict": verdict,
                 "p": chance(p), "why": why} for claim, _, p, verdict, why in results]
    tests = [test_row(claim, outcome) for claim, outcomes, *_ in results for outcome in outcomes]
    trial = (f"**A trial with {study.most_seeds} seeds at most: these are no verdicts.**\n\n" if study.most_seeds else "")
    text = (trial + markdown(verdicts, ["claim", "asks", "verdict", "p", "why"])
            + "\np: of the answer that the means suggest, adjusted for the number of claims (Holm).\n\n"
            + markdown(tests, ["claim", "test", "decides", "effect", "low", "high", "unit", "threshold", "interval", "p", "wilcoxon_p",
                               "positive", "method", "lacks"])
            + "\nlow, high: 95 % interval, above, below or across the threshold. positive: seeds whose effect has the claim's direction.\n")
    (folder / "verdicts.md").write_text(text, encoding="utf-8")
    write_csv(folder / "verdicts.csv", verdicts, list(verdicts[0]))
    write_csv(folder / "tests.csv", tests, list(tests[0]))
    effects = ["test", "seed", "value", "of_minus", "effect"]
    write_csv(folder / "effects.csv", [dict(zip(effects, row)) for row in study.effects], effects)
    write_csv(folder / "runs.csv", list(run_rows(study.groups)), ["group", "net", "seed", "file", "sha256"])
    return trial + markdown(verdicts, ["claim", "title", "verdict", "p", "why"])


def main(argv=None):
    parser = argparse.ArgumentParser(prog="verdicts.py", description=__doc__.splitlines()[0])
    parser.add_argument("results", metavar="RESULTS", help="folder with GROUP/MEMBER/result.h5")
    parser.add_argument("--claims", metavar="FILE", default=str(HERE / "claims.yaml"))
    parser.add_argument("--seeds", metavar="N", type=int, help="a trial: only the first N seeds of every test")
    parser.add_argument("--figures", action="store_true", help="draw figures, too")
    options = parser.parse_args(argv)
    folder = pathlib.Path(options.results)
    try:
        claims = yaml.safe_load(pathlib.Path(options.claims).read_text(encoding="utf-8"))
        study = Study(runs.load(folder), options.seeds)
        if not any(study.groups.values()):
            raise runs.UserError(f"{folder}: holds no GROUP/MEMBER/result.h5; expected what run.sh writes")
        print(write(folder, decided(claims, study), study), end="")
        if options.figures:
            import claim_figures
            for path in claim_figures.draw_all(study.groups, folder / "figures"):
                print(f"written: {path}")
    except (runs.UserError, OSError, yaml.YAMLError) as error:
        print(f"verdicts.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
