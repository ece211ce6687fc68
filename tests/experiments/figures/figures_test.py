#!/usr/bin/python3
"""Draws every figure of small results, and compares what is drawn with the file.

figures_test.py FIGURES QUANTDYN NETWORKS MAKE_RESULT. Exit code 77, shown as skipped, where a package is missing.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
try:
    import h5py
    import matplotlib  # noqa: F401
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py python3-matplotlib")
    sys.exit(77)

from small_result import HOSTILE, call, expect_refusal, small_result, with_hostile_names

sys.path.insert(0, sys.argv[1])
import bins  # noqa: E402
import depth  # noqa: E402
import effective_bits  # noqa: E402
import epochs  # noqa: E402
import errors  # noqa: E402
import precision  # noqa: E402
import ranges  # noqa: E402
import ridgelines  # noqa: E402
from catalogue import FIGURES, Choice  # noqa: E402
from result import QUANTILES, Result  # noqa: E402

SCRIPT = os.path.join(sys.argv[1], "figures.py")
NAMES = [entry.name for entry in FIGURES]


def files_of(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            out[name] = f.read()
    return out


def every_figure_is_a_picture_and_the_same_twice(results, folder):
    first, second = os.path.join(folder, "first"), os.path.join(folder, "second")
    for output in (first, second):
        code, printed, skipped = call(SCRIPT, *results, "--output", output)
        assert code == 0 and not skipped and printed.count("\n") == 2 * len(NAMES), (printed, skipped)
    pictures = files_of(first)
    assert set(pictures) == {f"{name}.{extension}" for name in NAMES for extension in ("png", "svg")}
    assert pictures == files_of(second)
    for name, content in pictures.items():
        if name.endswith(".svg"):
            root = xml.etree.ElementTree.fromstring(content)
            assert root.tag.endswith("svg") and b"<dc:date>" not in content
        else:
            with Image.open(os.path.join(first, name)) as image:
                image.load()
                assert image.width == 1050 and len(image.getcolors(256)) > 5  # 7 inches at 150 dpi
            assert len(content) < 60_000, (name, len(content))


def options_choose(result, folder):
    output = os.path.join(folder, "column")
    code, printed, _ = call(SCRIPT, result, "--output", output, "--figure", "errors", "--formats", "png", "--width",
                            "column", "--variant", "int4", "--epoch", "1")
    assert code == 0 and list(files_of(output)) == ["errors.png"] and printed.count("\n") == 1
    with Image.open(os.path.join(output, "errors.png")) as image:
        assert image.width == 502  # 3.35 inches


def names_are_drawn_letter_by_letter(result, folder):
    hostile = with_hostile_names(result, os.path.join(folder, "hostile.h5"))
    output = os.path.join(folder, "hostile")
    code, _, errors_printed = call(SCRIPT, hostile, "--output", output, "--layer", HOSTILE[2])
    assert code == 0 and "Traceback" not in errors_printed, errors_printed
    pictures = files_of(output)
    assert set(pictures) == {f"{name}.{extension}" for name in NAMES for extension in ("png", "svg")}, errors_printed
    for name, content in pictures.items():
        if name.endswith(".svg"):
            root = xml.etree.ElementTree.fromstring(content)
            texts = [element.text for element in root.iter() if element.text]
            assert any(r"$\frac$" in found or "<!--<script>" in found for found in texts), (name, texts)
    expect_refusal(SCRIPT, [hostile, "--output", output, "--variant", "\x1b[2J"], r"no variant \u001b[2J")


def wrong_use_is_one_line(result, folder):
    output = ["--output", os.path.join(folder, "refused")]
    expect_refusal(SCRIPT, [result, *output, "--variant", "int3"], "no variant int3", "int8, int4, equalized")
    expect_refusal(SCRIPT, [result, *output, "--layer", "conv9"], "no layer conv9", "conv1", "logits")
    expect_refusal(SCRIPT, [result, *output, "--epoch", "9"], "no snapshot at epoch 9", "0, 1, 2, 3")
    expect_refusal(SCRIPT, [os.path.join(folder, "absent.h5"), *output], "absent.h5: is no file")
    expect_refusal(SCRIPT, [SCRIPT, *output], "is not HDF5")
    other = os.path.join(folder, "other.h5")
    with h5py.File(other, "w") as f:
        f["x"] = 1
    expect_refusal(SCRIPT, [other, *output], "other.h5: not a result", "accepted")
    assert not os.path.exists(output[1])


def what_a_result_cannot_give_is_skipped(make_result, folder):
    little, output = os.path.join(folder, "little"), os.path.join(folder, "little-figures")
    subprocess.run([make_result, little], check=True)
    code, _, skipped = call(SCRIPT, little, "--output", output)
    assert code == 0 and set(files_of(output)) == {"errors.png", "errors.svg"}
    for name in set(NAMES) - {"errors"}:
        assert f"skipped {name}: " in skipped
    assert skipped.count("\n") == len(NAMES) - 1, skipped


def drawn_numbers_are_the_files(path):
    result, choice = Result(path), Choice(("int8", "int4"), "sep3_dw")
    with h5py.File(path) as f:
        variants = list(f["variant"].asstr())
        last = len(variants) - 1 - variants[::-1].index("float32")
        int8, equalized = variants.index("int8"), variants.index("equalized")
        layer = list(f["layer"].asstr()).index("sep3_dw")
        offset, channels = f["network/channel_offset"][layer], f["network/channels"][layer]
        here = slice(offset, offset + channels)

        drawn = {(row, label): (widths, channel_widths)
                 for row, label, _, widths, channel_widths in ranges.series(result, choice)}
        assert len(drawn) == 5
        group = f["layerwise/folded_weight"]
        widths, channel_widths = drawn[0, "both in equalized"]
        assert widths[layer] == group["max"][equalized, layer] - group["min"][equalized, layer]
        low, high = (f[f"channelwise/folded_weight/{end}"][equalized, here].astype(float) for end in ("min", "max"))
        box = np.percentile(np.log2(high - low), ranges.BOX)
        assert np.array_equal(ranges.boxes(result, channel_widths)[layer], box)

        averages = {label: values for label, _, _, values, _ in precision.series(result, choice)}
        wanted = f["layerwise/weight/average_channel_precision"][last]
        assert np.array_equal(averages["weights as trained"], wanted, equal_nan=True)

        lines = {(variant, prefix): values for variant, prefix, values, _ in errors.series(result, choice, 0)}
        assert set(lines) == {(v, p) for v in ("int8", "int4") for p in ("local", "accumulated")}
        assert np.array_equal(lines["int8", "local"], f["layerwise/output/local_sqnr"][int8], equal_nan=True)

        places, values, _ = depth.series(result, choice, "folded_weight")
        wanted = f["layerwise/folded_weight/average_channel_precision"][last]
        finite = np.flatnonzero(np.isfinite(wanted))
        assert np.array_equal(values, wanted[finite]) and np.array_equal(places, finite / (len(wanted) - 1))
        places, values, _ = depth.series(result, choice, "accumulated")
        wanted = f["layerwise/output/accumulated_sqnr"][int8]
        assert np.array_equal(values, wanted[np.isfinite(wanted)])
        assert depth.series(result, Choice(("absent",)), "accumulated") is None

        title, units, layers = effective_bits.series(result, choice)[0]
        assert (title, units) == ("weights", " (bit)") and layers[0].size == 0  # the images have no weights
        assert np.array_equal(layers[layer], np.sort(f["channelwise/folded_weight/effective_bits"][int8, here]))
        picture = effective_bits.picture(layers)
        assert picture[0, layer] == layers[layer][0] and picture[-1, layer] == layers[layer][-1]

        ridges = {index: (floating, quantized)
                  for index, floating, quantized in ridgelines.pairs(result, choice, "weight")}
        assert np.array_equal(ridges[layer][0], f["layerwise/folded_weight/histogram"][int8, layer])
        assert np.array_equal(ridges[layer][1], f["layerwise/weight/histogram"][int8, layer])

        times, values = epochs.series(result, choice, "weight")
        assert times.tolist() == [0, 1, 2, 3] and values.shape == (4, len(QUANTILES))
        weights = f["weights/0/sep3_dw.conv/weight"][:].ravel()
        quartiles = values[0, [QUANTILES.index(0.25), QUANTILES.index(0.75)]]
        for found, exact in zip(quartiles, np.quantile(weights, [0.25, 0.75], method="inverted_cdf")):
            assert abs(found - exact) <= abs(exact) / 8  # within the bin, an eighth of an octave


def datasets_to_come_are_used(path, folder):
    """Quantiles and added errors where a file has them, whatever wrote it."""
    copy = os.path.join(folder, "more.h5")
    shutil.copy(path, copy)
    with h5py.File(copy, "a") as f:
        group = f["layerwise/weight"]
        for name in ("fraction", "quantiles"):
            if name in group:
                del group[name]
        group["fraction"] = np.array(QUANTILES)
        group["quantiles"] = np.tile(np.arange(9.0), (*group["mean"].shape, 1))
        group["quantiles"].attrs["coordinates"] = np.bytes_("variant epoch step fraction")
        halves = f["layerwise/output/accumulated_qmse"][:] / 2
        halves[:, 2] *= -1  # a layer whose own error makes the whole smaller
        if "added_qmse" in f["layerwise/output"]:
            del f["layerwise/output/added_qmse"]
        f["layerwise/output/added_qmse"] = halves
        accumulated = f["layerwise/output/accumulated_sqnr"][list(f["variant"].asstr()).index("int8")]
    result, choice = Result(copy), Choice(("int8",), "conv1")
    assert epochs.series(result, choice, "weight")[1].tolist() == [list(range(9))] * 4
    added = {prefix: values for _, prefix, values, _ in errors.series(result, choice, 1)}["added"]
    assert np.isnan(added[2]) and np.allclose(np.delete(added - accumulated, 2), 10 * np.log10(2))
    assert len(errors.draw([result], choice).axes) == 2


def merged_results_have_intervals(program, networks, folder):
    """Bands of figures are the merged file's intervals, and its name says how many runs it has."""
    seeds = []
    for seed in ("1", "2"):
        made = os.path.join(folder, f"seed{seed}")
        os.makedirs(made)
        seeds.append(small_result(program, networks, made, "dws", "--set", f"seed={seed}", "--set", "train.epochs=0",
                                  "--set", "track.epochs=[0]"))
    merged = os.path.join(folder, "merged.h5")
    subprocess.run([program, "merge", *seeds, "--output", merged], check=True, capture_output=True)
    result, choice = Result(merged), Choice(("int8",))
    assert result.name == "small dws, 2 runs", result.name
    with h5py.File(merged) as f:
        wanted = f["layerwise/output/accumulated_sqnr_interval"][list(f["variant"].asstr()).index("int8")]
    _, values, interval = depth.series(result, choice, "accumulated")
    assert np.array_equal(interval, wanted[-len(values):]) and np.isfinite(interval).all()
    lines = {prefix: line for _, prefix, _, line in errors.series(result, choice, 0)}
    assert np.array_equal(lines["accumulated"], wanted, equal_nan=True)
    for name in ("depth", "errors", "precision"):
        code, printed, skipped = call(SCRIPT, merged, "--output", os.path.join(folder, "pictures"), "--figure", name)
        assert code == 0 and printed.count("\n") == 2 and not skipped, (printed, skipped)


def bins_are_joined_without_loss():
    lower = np.array([-np.inf, -4, -2, -1, 0, 0, 1, 2, 4, np.nan])
    upper = np.array([-4, -2, -1, 0, 0, 1, 2, 4, np.inf, np.nan])
    counts = np.array([0, 1, 2, 0, 5, 0, 4, 4, 0, 7])
    assert bins.octave_ends(lower, upper, counts, tail=0) == (0, 2)
    ends, shares = bins.share_per_octave(lower, upper, counts, bins.SymmetricLog(0, 2), 1)
    assert ends.tolist() == [-3, -2, -1, 1, 2, 3]
    assert np.allclose(shares * np.diff(ends) * 16, [1, 2, 5, 4, 4])
    cells = bins.merge(lower, upper, counts, 1, tail=0)
    assert np.add.reduceat(counts[: cells[-1]], cells[:-1]).tolist() == [1, 2, 0, 5, 0, 4, 4]
    assert bins.quantiles(lower, upper, counts, [0, 3.5 / 16, 1]).tolist() == [-4, 0, 4]
    assert np.isnan(bins.quantiles(lower, upper, 0 * counts, [0.5])).all()
    assert len(bins.merge(lower, upper, 0 * counts, 1)) == 0
    lower, upper = np.arange(8, 16) / 8, np.arange(9, 17) / 8  # the octave from 1 to 2 as the file has it
    for parts in (1, 2, 4, 8):
        assert bins.merge(lower, upper, np.ones(8), parts, tail=0).tolist() == list(range(0, 9, 8 // parts))
        ends, shares = bins.share_per_octave(lower, upper, np.ones(8), bins.SymmetricLog(0, 1), parts)
        assert np.allclose(shares * np.diff(ends), [0] * (parts + 1) + [1 / parts] * parts)


def main():
    _, _, program, networks, make_result = sys.argv
    bins_are_joined_without_loss()
    with tempfile.TemporaryDirectory() as folder:
        dws = small_result(program, networks, folder, "dws")
        regular = small_result(program, networks, folder, "regular")
        drawn_numbers_are_the_files(dws)
        datasets_to_come_are_used(dws, folder)
        every_figure_is_a_picture_and_the_same_twice([regular, dws], folder)
        options_choose(dws, folder)
        names_are_drawn_letter_by_letter(dws, folder)
        wrong_use_is_one_line(dws, folder)
        what_a_result_cannot_give_is_skipped(make_result, folder)
        merged_results_have_intervals(program, networks, folder)


if __name__ == "__main__":
    main()
