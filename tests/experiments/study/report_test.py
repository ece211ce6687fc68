#!/usr/bin/python3
"""Decides claims on results made by hand, and compares claims.yaml with what the sweeps make.

report_test.py FOLDER_OF_STUDY. Exit code 77, shown as skipped, where a package is missing.
"""
import contextlib
import csv
import io
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5py  # noqa: F401
    import numpy as np
    import scipy  # noqa: F401
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py, python3-scipy and python3-yaml")
    sys.exit(77)

STUDY = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(STUDY))
import report  # noqa: E402
import claim_tests  # noqa: E402
import measures  # noqa: E402
import runs  # noqa: E402
import single_measures  # noqa: E402
from small_results import write  # noqa: E402

CLAIMS = """
alpha: 0.05
claims:
- claim: X1
  title: gap
  asks: The separable net loses more.
  tests:
  - {name: "gap at {bits} bits", each: {bits: [8]}, group: families, net: dws, minus: {net: regular}, threshold: 0.1, seeds: 5,
     measure: {metric: {name: relative_accuracy_decrease, variant: "minmax-{bits}"}}}
- claim: X2
  title: order
  asks: More groups, less precision.
  tests:
  - {name: trend, test: trend, by: network.groups, group: groups, runs: 3, direction: less, threshold: 0.8, seeds: 3,
     measure: {metric: {name: precision}}}
"""


def families(folder, seeds=range(5), gap=0.3):
    for seed in seeds:
        for net, loss in (("dws", gap + 0.01 * seed), ("regular", 0.01)):
            write(folder / "families" / f"seed{seed}-{net}", net=net, seed=seed,
                  networkwise={"relative_accuracy_decrease": [float("nan"), loss]})


def grouped(folder, levels=(1, 8, "depthwise")):
    for seed in range(3):
        for place, level in enumerate(levels):
            write(folder / "groups" / f"seed{seed}-{level}", seed=seed, network={"groups": level},
                  networkwise={"precision": [0.9 - 0.2 * place - 0.01 * seed] * 2})


def decide(folder, *words, before=()):
    (folder / "claims.yaml").write_text(CLAIMS, encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = report.main([*map(str, before), str(folder / "results"), "--claims", str(folder / "claims.yaml"), *words])
    return code, out.getvalue(), err.getvalue()


def rows(folder, name):
    with open(folder / "results" / name, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def claims_are_decided_by_their_effects(folder):
    families(folder / "results")
    grouped(folder / "results")
    code, printed, said = decide(folder)
    assert code == 0, said
    (gap, order) = rows(folder, "verdicts.csv")
    assert gap["verdict"] == "holds" and "| X1 | gap | holds |" in printed, gap
    assert gap["tests"] == "1 above", gap
    assert order["verdict"] == "holds", order
    test = rows(folder, "tests.csv")[0]
    assert test["test"] == "gap at 8 bits" and test["effect"] == "0.31" and test["positive"] == "5 of 5" and test["interval"] == "above", test
    effects = [row for row in rows(folder, "effects.csv") if row["test"] == "gap at 8 bits"]
    assert [row["seed"] for row in effects] == list("01234")
    assert abs(float(effects[2]["effect"]) - (float(effects[2]["value"]) - float(effects[2]["of_minus"]))) < 1e-12
    assert {row["sha256"] for row in rows(folder, "runs.csv")} == {"0123abcd"}
    assert "wilcoxon_p" in (folder / "results" / "verdicts.md").read_text(encoding="utf-8")


def a_small_effect_fails(folder):
    families(folder / "results", gap=0.05)
    decide(folder)
    gap = rows(folder, "verdicts.csv")[0]
    assert gap["verdict"] == "fails" and "threshold 0.1" in gap["why"], gap
    assert "below" in gap["tests"], gap


def missing_runs_are_named(folder):
    families(folder / "results", seeds=(0, 1, 3))
    grouped(folder / "results", levels=(1, 8))
    decide(folder)
    gap, order = rows(folder, "verdicts.csv")
    assert gap["verdict"] == "undecided" and gap["why"] == "lacks families: dws, seeds 2, 4; families: regular, seeds 2, 4", gap
    assert gap["tests"] == "1 lack", gap
    assert order["why"] == "lacks groups: 1 of 3 values of network.groups", order


def a_trial_with_fewer_seeds_says_so(folder):
    families(folder / "results", seeds=(0, 1))
    _, printed, _ = decide(folder, "--seeds", "2")
    assert printed.startswith("**A trial with 2 seeds at most: these are no verdicts.**")
    assert rows(folder, "tests.csv")[0]["positive"] == "2 of 2"


def without_a_loss_in_the_other_net_there_is_no_share_of_it(folder):
    for seed in range(2):
        for net, loss in (("dws", 0.1), ("regular", 0.001 if seed else 0.4)):
            write(folder / "families" / f"seed{seed}-{net}", net=net, seed=seed, networkwise={"relative_accuracy_decrease": [float("nan"), loss]})
    test = {"name": "share", "group": "families", "net": "dws", "minus": {"net": "regular"}, "combine": "share_less", "threshold": 0.5,
            "seeds": 2, "measure": {"metric": {"name": "relative_accuracy_decrease", "variant": "minmax-8"}}}
    outcome = claim_tests.Study(runs.load(folder)).decide(test)
    assert list(outcome.effects) == [0] and abs(outcome.effects[0] - 0.75) < 1e-12, outcome.effects


def runs_without_results_are_refused(folder):
    (folder / "results" / "families").mkdir(parents=True)
    code, _, said = decide(folder)
    assert code == 1 and "no GROUP/MEMBER/result.h5" in said
    path = write(folder / "results" / "families" / "seed0-dws")
    path.write_bytes(b"no HDF5")
    code, _, said = decide(folder)
    assert code == 1 and "is not HDF5" in said, said


def a_record_decides_like_its_results(folder):
    families(folder / "results")
    grouped(folder / "results")
    decide(folder)
    before = (folder / "results" / "verdicts.md").read_bytes(), rows(folder, "effects.csv"), rows(folder, "runs.csv")
    for group in ("families", "groups"):
        shutil.rmtree(folder / "results" / group)
    code, _, said = decide(folder)
    assert code == 0, said
    assert before == ((folder / "results" / "verdicts.md").read_bytes(), rows(folder, "effects.csv"), rows(folder, "runs.csv"))


def records_and_results_of_two_machines_are_joined(folder):
    families(folder / "results", seeds=(0, 1, 2))
    decide(folder)
    (folder / "results").rename(folder / "first")
    shutil.rmtree(folder / "first" / "families")
    families(folder / "results", seeds=(2, 3, 4), gap=0.5)
    code, _, said = decide(folder, before=[folder / "first"])
    assert code == 0, said
    values = {row["seed"]: float(row["value"]) for row in rows(folder, "effects.csv")}
    assert values == {"0": 0.3, "1": 0.31, "2": 0.52, "3": 0.53, "4": 0.54}, values  # the later folder's seed 2


def a_damaged_record_and_what_it_lacks_are_named(folder):
    families(folder / "results")
    decide(folder)
    shutil.rmtree(folder / "results" / "families")
    record = folder / "results" / "families.jsonl"
    whole = record.read_text(encoding="utf-8")
    (run, *_) = runs.load(folder / "results")["families"]
    for call, kind, words in ((lambda: run.number("kl", "minmax-8"), runs.Missing, "no dataset networkwise/kl of minmax-8 in the record"),
                              (lambda: run.number("kl", "minmax-2"), runs.Missing, "no variant minmax-2"),
                              (lambda: run.key("network.width"), runs.UserError, "has no key network.width")):
        try:
            call()
            raise AssertionError("no error")
        except kind as error:
            assert words in str(error), error
    for damage in (whole[:-30], "[1]\n", "{}\n"):
        record.write_text(damage, encoding="utf-8")
        code, _, said = decide(folder)
        assert code == 1 and "families.jsonl:" in said and "not a record of a run" in said, said


def values_that_are_not_finite_survive_a_record(_):
    values = runs.of_json(json.loads(json.dumps(runs.as_json(np.array([float("nan"), float("inf"), -1 / 3])), allow_nan=False)))
    assert np.isnan(values[0]) and values[1] == float("inf") and values[2] == -1 / 3


def an_unknown_key_or_measure_is_named(folder):
    for test, words in (({"name": "a", "nett": 1}, "unknown keys nett"),):
        try:
            claim_tests.expanded(test)
            raise AssertionError("no error")
        except runs.UserError as error:
            assert words in str(error)
    try:
        claim_tests.call(measures.OF_RUNS, {"nothing": {}}, None)
        raise AssertionError("no error")
    except runs.UserError as error:
        assert "measure nothing is not known" in str(error)


def ratios_and_shares_combine_two_nets(_):
    assert claim_tests.combined("log2_ratio", 8, 2) == 2 and np.isnan(claim_tests.combined("log2_ratio", 0, 2))
    assert claim_tests.combined("share_less", 0.1, 0.4) == 0.75 and claim_tests.combined("share_less", 0.1, 0.001) is None


def placeholders_keep_the_kind_of_their_value(_):
    names = {"pair": ["dws", "regular"], "decrease": 0.01}
    assert claim_tests.filled({"net": "{pair[0]}", "level": "{decrease}", "name": "{decrease} of {pair[1]}"}, names) == {
        "net": "dws", "level": 0.01, "name": "0.01 of regular"}


def variants_of(entries):
    for entry in entries:
        for bits in entry.get("bit_widths", [None]):
            yield entry["name"] + (f"-{bits}" if bits else "")


def every_variant_and_seed_that_a_claim_asks_for_is_made(_):
    claims = yaml.safe_load((STUDY / "claims.yaml").read_text(encoding="utf-8"))
    assert [claim["claim"] for claim in claims["claims"]] == [f"C{number}" for number in range(1, 15)]
    made = {}
    for group in ("families", "between", "norms", "groups", "initializers"):
        file = yaml.safe_load((STUDY / f"{group}.yaml").read_text(encoding="utf-8"))
        made[group] = set(variants_of(file["variants"]))
        seeds = file["sweep"]["grid"]["seed"] if "sweep" in file else list(range(5))
        for claim in claims["claims"]:
            for test in claim["tests"]:
                assert test["group"] != group or test["seeds"] <= len(seeds), test["name"]
    for name in ("headline", "repairs"):
        made.setdefault("imagenet", set()).update(variants_of(yaml.safe_load(
            (STUDY / ".." / "imagenet" / "variants" / f"{name}.yaml").read_text(encoding="utf-8"))))
    made["mlperf"] = made["imagenet"]
    families_file = yaml.safe_load((STUDY / "families.yaml").read_text(encoding="utf-8"))
    for test in next(claim for claim in claims["claims"] if claim["claim"] == "C13")["tests"]:
        assert test["times"] == len(families_file["track"]["epochs"]) + 1, test["name"]  # and the last
        assert set(families_file["track"]["quantize"]) == {"minmax-8", "minmax-4"}
    known = {**measures.OF_RUNS, **measures.OF_SEEDS, **single_measures.OF_IMAGES, **single_measures.OF_LAYERS}
    for claim in claims["claims"]:
        for test in [part for entry in claim["tests"] for part in claim_tests.expanded(entry)]:
            for part in (test, {**test, **test.get("minus", {})}):
                (name, options), = part["measure"].items()
                assert name in known, name
                for key in ("variant", "base"):
                    wanted = options.get(key, "float32")
                    assert wanted == "float32" or wanted in made[part["group"]], (test["name"], wanted)
                if name == "weights_share":
                    assert {f"{kind}-{options['bits']}" for kind in ("weights_only", "activations_only")} <= made[part["group"]]


def the_runner_refuses_what_it_does_not_know(_):
    for words, said in ((["--tier", "slow"], "--tier slow; accepted: quick, main, full"),
                        (["--groups", "others"], "--groups others; accepted: families"), (["--jobs"], "--jobs needs a value"), (["--seeds", "0,1"], '--seeds 0,1; accepted: numbers, as "0 1"'),
                        (["--nothing"], "unknown option --nothing")):
        done = subprocess.run([STUDY / "run.sh", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and said in done.stderr, done.stderr


def the_readmes_say_what_was_recorded(_):
    with open(STUDY / "main" / "verdicts.csv", encoding="utf-8", newline="") as f:
        recorded = [(row["claim"], row["tests"], row["verdict"]) for row in csv.DictReader(f)]
    for page in (STUDY / ".." / ".." / "README.md", STUDY / "README.md"):
        lines = re.findall(r"^\| (C\d+)\b.* \| ([^|]+) \| \**(holds|fails|undecided)\** \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert lines == recorded, (page, set(lines) ^ set(recorded))


FACTS = (claims_are_decided_by_their_effects, a_small_effect_fails, missing_runs_are_named, a_trial_with_fewer_seeds_says_so,
         without_a_loss_in_the_other_net_there_is_no_share_of_it, runs_without_results_are_refused, a_record_decides_like_its_results, records_and_results_of_two_machines_are_joined,
         a_damaged_record_and_what_it_lacks_are_named, values_that_are_not_finite_survive_a_record, an_unknown_key_or_measure_is_named, ratios_and_shares_combine_two_nets,
         placeholders_keep_the_kind_of_their_value, every_variant_and_seed_that_a_claim_asks_for_is_made,
         the_runner_refuses_what_it_does_not_know, the_readmes_say_what_was_recorded)
for fact in FACTS:
    with tempfile.TemporaryDirectory() as name:
        fact(pathlib.Path(name))
    print(fact.__name__)
