#!/usr/bin/python3
"""Decides the claims of claims.yaml from the results of run.sh: tables, figures, and a record of what was read.

    report.py FOLDER... [--output DIR] [--claims FILE] [--seeds N] [--figures]

Each FOLDER holds GROUP/MEMBER/result.h5, or GROUP.jsonl, the record of results that are elsewhere; those of a later folder
count before those of an earlier one. Writes into DIR (the last FOLDER): verdicts.md and verdicts.csv (a row a claim), tests.csv
(a row a test), effects.csv (a row a test and seed), runs.csv (each result with its SHA-256), GROUP.jsonl; with --figures also
figures/*.svg, *.png. Needs h5py, scipy and yaml; --figures also matplotlib.
"""
import argparse
import csv
import pathlib
import sys

try:
    import numpy as np
    import yaml
    import claim_tests
    import decision
    import runs
except ImportError as missing:
    sys.exit(f"report.py: {missing}; install python3-h5py, python3-scipy and python3-yaml")

HERE = pathlib.Path(__file__).resolve().parent


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
    """A row a result: its file, the SHA-256 that lies beside it, and the machine."""
    for group, of_group in groups.items():
        for run in of_group:
            for file in run.files:
                yield {"group": group, "net": run.net, "seed": run.seed, **file, **run.machine}


def write(folder, results, study):
    """All tables; returns the Markdown."""
    verdicts = [{"claim": claim["claim"], "title": claim["title"], "asks": claim["asks"], "verdict": verdict,
                 "p": chance(p), "tests": decision.sides(outcomes), "why": why} for claim, outcomes, p, verdict, why in results]
    tests = [test_row(claim, outcome) for claim, outcomes, *_ in results for outcome in outcomes]
    trial = (f"**A trial with {study.most_seeds} seeds at most: these are no verdicts.**\n\n" if study.most_seeds else "")
    text = (trial + markdown(verdicts, ["claim", "asks", "verdict", "p", "tests", "why"])
            + "\np: of the answer that the means suggest, adjusted for the number of claims (Holm). tests: how many have their 95 % interval"
            " above the threshold, across it, below it.\n\n"
            + markdown(tests, ["claim", "test", "decides", "effect", "low", "high", "unit", "threshold", "interval", "p", "wilcoxon_p",
                               "positive", "method", "lacks"])
            + "\nlow, high: 95 % interval, above, below or across the threshold. positive: seeds whose effect has the claim's direction.\n")
    (folder / "verdicts.md").write_text(text, encoding="utf-8")
    write_csv(folder / "verdicts.csv", verdicts, list(verdicts[0]))
    write_csv(folder / "tests.csv", tests, list(tests[0]))
    effects = ["test", "seed", "value", "of_minus", "effect"]
    write_csv(folder / "effects.csv", [dict(zip(effects, row)) for row in study.effects], effects)
    write_csv(folder / "runs.csv", list(run_rows(study.groups)), ["group", "net", "seed", "file", "sha256", *runs.MACHINE])
    return trial + markdown(verdicts, ["claim", "title", "verdict", "p", "tests", "why"])


def main(argv=None):
    parser = argparse.ArgumentParser(prog="report.py", description=__doc__.splitlines()[0])
    parser.add_argument("folders", metavar="FOLDER", nargs="+", help="with GROUP/MEMBER/result.h5 or GROUP.jsonl")
    parser.add_argument("--output", metavar="DIR", help="where to write (the last FOLDER)")
    parser.add_argument("--claims", metavar="FILE", default=str(HERE / "claims.yaml"))
    parser.add_argument("--seeds", metavar="N", type=int, help="a trial: only the first N seeds of every test")
    parser.add_argument("--figures", action="store_true", help="draw figures, too")
    options = parser.parse_args(argv)
    output = pathlib.Path(options.output or options.folders[-1])
    try:
        claims = yaml.safe_load(pathlib.Path(options.claims).read_text(encoding="utf-8"))
        study = claim_tests.Study(runs.load(*options.folders), options.seeds)
        if not study.groups:
            raise runs.UserError(f"{', '.join(options.folders)}: no GROUP/MEMBER/result.h5 or GROUP.jsonl; expected what run.sh writes")
        results = claim_tests.decided(claims, study)
        output.mkdir(parents=True, exist_ok=True)
        print(write(output, results, study), end="")
        if options.figures:
            import claim_figures
            for path in claim_figures.draw_all(study.groups, output / "figures"):
                print(f"written: {path}")
        if not options.seeds:  # a trial does not read all that a record wants
            runs.write_records(study.groups, output)
    except (runs.UserError, OSError, yaml.YAMLError) as error:
        print(f"report.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
