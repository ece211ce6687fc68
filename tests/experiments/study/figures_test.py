#!/usr/bin/python3
"""Draws the study's figures of results made by hand, and compares what is drawn with them.

figures_test.py FOLDER_OF_STUDY. Exit code 77, shown as skipped, where a package is missing.
"""
import contextlib
import io
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5py  # noqa: F401
    import matplotlib  # noqa: F401
    import PIL  # noqa: F401
    import scipy  # noqa: F401
    import yaml  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py, python3-matplotlib, python3-pil, python3-scipy and python3-yaml")
    sys.exit(77)

sys.path.insert(0, sys.argv[1])
import claim_figures  # noqa: E402
import runs  # noqa: E402
from small_results import write  # noqa: E402

NAN = float("nan")


def families(folder):
    for seed in range(2):
        for net in ("dws", "regular"):
            write(folder / "families" / f"seed{seed}-{net}", net=net, seed=seed, variants=("float32", "minmax-4", "minmax-8"),
                  networkwise={"relative_accuracy_decrease": [NAN, 0.3 + 0.1 * seed, 0.02]},
                  layerwise={"folded_weight/log2_range": [[NAN, 1, 2, 1, 2, 1, 2 + seed]] * 3,
                             "output/log2_range": [[0, 1, 2, 1, 2, 1, 2]] * 3,
                             "folded_weight/average_channel_precision": [[NAN, 0.5, 0.2, 0.6, 0.3, 0.7, 0.9]] * 3,
                             "output/local_sqnr": [[40, 39, 30, 38, 31, 37, 36]] * 3,
                             "output/accumulated_sqnr": [[40, 38, 36, 34, 32, 30, 28]] * 3})


def a_line_is_the_mean_over_seeds_and_its_band_students_interval(_):
    mean, width = claim_figures.over_seeds([[1, 2], [3, 2]])
    assert list(mean) == [2, 2] and width[1] == 0
    assert abs(width[0] - 12.706204736174694) < 1e-9  # t of one degree of freedom, s / sqrt(2) = 1
    assert claim_figures.over_seeds([[1, 2]])[1] is None


def decreases_are_those_of_the_widths_in_order(folder):
    families(folder)
    run = runs.chosen(runs.load(folder)["families"], "dws")[1]
    assert claim_figures.decrease_by_bits(run) == ([4, 8], [0.4, 0.02])


def what_there_is_is_drawn_and_the_rest_is_named(folder):
    families(folder)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        paths = list(claim_figures.draw_all(runs.load(folder), folder / "figures"))
    drawn = {pathlib.Path(path).stem for path in paths}
    assert drawn == {"breaking_point", "fluctuation", "mismatch", "accumulation"}, drawn
    assert all(pathlib.Path(path).stat().st_size > 1000 for path in paths) and len(paths) == 8
    said = out.getvalue()
    for figure, group in (("initialization", "initializers"), ("factorization", "groups")):
        assert f"figure {figure} is left out: no run of the group {group}" in said, said
    assert "figure over_training is left out: no run of the group families is quantized over training" in said, said


def initializers_are_named_by_their_range(_):
    assert claim_figures.short("he_normal") == "he_normal"
    assert claim_figures.short({"name": "uniform", "low": "-0.1", "high": "0.1"}) == "uniform 0.1"
    assert claim_figures.short({"name": "he_normal", "gain": 1.4}) == "he_normal"


for fact in (a_line_is_the_mean_over_seeds_and_its_band_students_interval, decreases_are_those_of_the_widths_in_order,
             what_there_is_is_drawn_and_the_rest_is_named, initializers_are_named_by_their_range):
    with tempfile.TemporaryDirectory() as name:
        fact(pathlib.Path(name))
    print(fact.__name__)
