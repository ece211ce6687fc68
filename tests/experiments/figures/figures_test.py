#!/usr/bin/python3
"""Draws every figure of small results, and compares what is drawn with the file.

figures_test.py PYTHON_FOLDER QUANTDYN NETWORKS MAKE_RESULT. Exit code 77, shown as skipped, where a package is missing.
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
from quantdyn.figures import bins, style  # noqa: E402
from quantdyn.figures.catalogue import FIGURES, Choice  # noqa: E402
from quantdyn.figures.plots import (bits, depth, effective_bits, epochs, errors, mismatch, precision, ranges,  # noqa: E402
                                    ridgelines, sensitivity, timeline, training)
from quantdyn.figures.result import QUANTILES, Result, tell_apart  # noqa: E402

SCRIPT = "quantdyn.figures"
style.use("light")
NAMES = [entry.name for entry in FIGURES]
CATALOGUE = {entry.name: entry.draw for entry in FIGURES}


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
    expect_refusal(SCRIPT, [__file__, *output], "is not HDF5")
    other = os.path.join(folder, "other.h5")
    with h5py.File(other, "w") as f:
        f["x"] = 1
    expect_refusal(SCRIPT, [other, *output], "other.h5: not a result", "accepted")
    assert not os.path.exists(output[1])


def what_a_result_cannot_give_is_skipped(make_result, folder):
    little, output = os.path.join(folder, "little"), os.path.join(folder, "little-figures")
    subprocess.run([make_result, little], check=True)
    code, _, skipped = call(SCRIPT, little, "--output", output)
    assert code == 0 and set(files_of(output)) == {
        f"{name}.{extension}" for name in ("errors", "training") for extension in ("png", "svg")}
    for name in set(NAMES) - {"errors", "training"}:
        assert f"skipped {name}: " in skipped
    assert skipped.count("\n") == len(NAMES) - 2, skipped


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
                 for row, label, _, widths, channel_widths, _ in ranges.series(result, choice)}
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

        times, values, intervals = epochs.series(result, choice, "weight")
        assert times.tolist() == [0, 1, 2, 3] and values.shape == (4, len(QUANTILES)) and intervals is None
        weights = f["weights/0/sep3_dw.conv/weight"][:].ravel()
        quartiles = values[0, [QUANTILES.index(0.25), QUANTILES.index(0.75)]]
        for found, exact in zip(quartiles, np.quantile(weights, [0.25, 0.75], method="inverted_cdf")):
            assert abs(found - exact) <= abs(exact) / 8  # within the bin, an eighth of an octave


def new_figures_draw_the_files_numbers(path, program):
    """What bits, mismatch, training, sensitivity and timeline draw: the lines, points, bars and cells themselves."""
    result, choice = Result(path), Choice(("int8", "int4"))
    with h5py.File(path) as f:
        variants, layers = list(f["variant"].asstr()), list(f["layer"].asstr())
        last = len(variants) - 1 - variants[::-1].index("float32")
        floats = [at for at, name in enumerate(variants) if name == "float32"]
        by_bits = [variants.index("minmax-4"), variants.index("minmax-8")]
        for axis, metric in zip(bits.draw([result], choice).axes, bits.METRICS):
            drawn = axis.get_lines()
            assert drawn[0].get_xdata().tolist() == [4, 8]
            assert np.array_equal(drawn[0].get_ydata(), f[f"networkwise/{metric}"][:][by_bits])
            if metric == "accuracy":
                assert drawn[1].get_ydata()[0] == f["networkwise/accuracy"][last] and drawn[1].get_linestyle() == "--"

        figure = mismatch.draw([result], choice)
        points = np.concatenate([line.get_xydata() for line in figure.axes[0].get_lines()])
        wanted = np.stack([f["layerwise/folded_weight/average_channel_precision"][variants.index("int8")],
                           f["layerwise/output/local_sqnr"][variants.index("int8")]], axis=1)
        wanted = wanted[np.isfinite(wanted).all(axis=1)]
        assert sorted(points.tolist()) == sorted(wanted.tolist()) and len(points) > 5
        printed = subprocess.run([program, "correlate", path, "--variant", "int8"], check=True, capture_output=True,
                                 text=True).stdout.splitlines()
        row = next(line for line in printed if line.startswith(path)).split()
        title = figure.axes[0].texts[0].get_text()
        assert title == f"Spearman's \u03c1 {row[3]}, {row[2]} layers".replace("-", "\u2212"), (title, row)

        above, below = training.draw([result], choice).axes
        lines = dict(zip(training.series(result, choice), above.get_lines()))
        assert list(lines) == ["float32", "int8", "int4", training.TRAINING]
        assert lines["float32"].get_xdata().tolist() == [0, 1, 2, 3]
        assert np.array_equal(lines["float32"].get_ydata(), f["networkwise/accuracy"][:][floats])
        assert lines["int8"].get_xydata().tolist() == [[3, f["networkwise/accuracy"][variants.index("int8")]]]
        assert np.array_equal(lines[training.TRAINING].get_ydata(), f["training/accuracy"][:])
        assert np.array_equal(below.get_lines()[0].get_xydata(),
                              np.stack([f["training/epoch"][:], f["training/loss"][:]], axis=1))
        assert above.get_xlim() == below.get_xlim()

        axis, = sensitivity.draw([result], choice).axes
        widths = [bar.get_width() for bar in axis.patches]
        names = [label.get_text() for label in axis.get_yticklabels()]
        at = variants.index("minmax-8")
        pairs = [(f[f"layerwise/{tensor}/sensitivity_only_logits_qmse"][at, layer], layers[layer])
                 for tensor in ("weight", "output") for layer in range(len(layers))]
        pairs = sorted((pair for pair in pairs if np.isfinite(pair[0])), key=lambda pair: -pair[0])
        assert list(zip(widths, names)) == pairs[:sensitivity.MOST] and len(pairs) > 10

        figure = timeline.draw([result], choice)
        for axis, tensor in zip(figure.axes, timeline.TENSORS):
            cells = axis.images[0].get_array()
            where = [layers.index(label.get_text()) for label in axis.get_yticklabels()]
            wanted = f[f"layerwise/{tensor}/log2_range"][:][floats][:, where].T
            assert np.allclose(cells, wanted, equal_nan=True) and cells.shape == (len(where), 4)
            assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "1", "2", "3"]


def ranks_are_those_of_equal_values():
    assert mismatch.ranks([3, 1, 3, 0]).tolist() == [3.5, 2, 3.5, 1]
    assert mismatch.spearman([1, 2, 3, 4], [2, 4, 8, 16]) == 1 and mismatch.spearman([1, 2, 3], [3, 2, 1]) == -1
    assert np.isnan(mismatch.spearman([1, 2, 3], [5, 5, 5]))


def no_two_lines_look_alike():
    looks = [tuple(style.look(index).values()) for index in range(49)]
    assert len(set(looks)) == 49


def contrast(one, other):
    """Of two colours, from 1 to 21 (WCAG 2.1, relative luminance)."""
    light = []
    for colour in (one, other):
        parts = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(light) + 0.05) / (min(light) + 0.05)


def dark_style_and_pdf(path, folder):
    """A dark background that every colour stands out from; PDF is the same twice."""
    ink, _, background, colours = style.STYLES["dark"]
    for colour in (ink, style.GREY, *colours.values()):
        assert contrast(colour, background) >= 4.5, colour
    assert len(set(colours.values())) == 7
    written = []
    for output in (os.path.join(folder, "dark1"), os.path.join(folder, "dark2")):
        code, printed, _ = call(SCRIPT, path, "--output", output, "--figure", "errors", "bits", "--formats", "png",
                                "pdf", "--style", "dark")
        assert code == 0 and printed.count("\n") == 4
        written.append(files_of(output))
    assert written[0] == written[1] and written[0]["bits.pdf"].startswith(b"%PDF")
    with Image.open(os.path.join(output, "errors.png")) as image:
        pixel = image.convert("RGB").getpixel((2, 2))
    assert "#" + bytes(pixel).hex() == background.lower(), pixel


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
        seeds.append(small_result(program, networks, made, "dws", "--set", f"seed={seed}", "--set", "train.epochs=1",
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
    snapshots = result.snapshots_of("float32")
    with h5py.File(merged) as f:
        ranges_wanted = f["layerwise/output/range_interval"][snapshots[-1]]
        quantiles_wanted = f["layerwise/weight/quantiles_interval"][snapshots, 2]
    found = {row: interval for row, _, _, _, channels, interval in ranges.series(result, choice) if channels is None}
    assert np.array_equal(found[1], ranges_wanted, equal_nan=True)
    _, _, intervals = epochs.series(result, Choice(layer=result.layers[2]), "weight")
    assert intervals.shape == (2, len(QUANTILES)) and np.array_equal(intervals, quantiles_wanted[:, :len(QUANTILES)])
    names = ("bits", "depth", "epochs", "errors", "mismatch", "precision", "ranges", "sensitivity", "training")
    for name in names:
        assert style.INTERVAL in labels_of(CATALOGUE[name]([result], choice)), name
    code, printed, skipped = call(SCRIPT, merged, "--output", os.path.join(folder, "pictures"), "--figure", *names)
    assert code == 0 and printed.count("\n") == 2 * len(names) and not skipped, (printed, skipped)


def labels_of(figure):
    """Texts of the legends above the panels."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def boxes_of(figure):
    """(text, box in pixels) of all that is written beside the data: titles, axis labels, ticks, legends."""
    figure.draw_without_rendering()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axis in figure.axes:
        if axis.get_visible():
            texts += [axis.title, axis._left_title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
            for one in (axis.xaxis, axis.yaxis):
                low, high = sorted(one.get_view_interval())
                texts += [tick.label1 for tick in one.get_major_ticks() if tick.label1.get_visible()
                          and low <= tick.get_loc() <= high]
                assert not [tick for tick in one.get_minor_ticks() if tick.tick1line.get_visible()], "minor ticks"
    found = [text for text in texts if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in found]


def every_figure_fits_its_page(paths):
    """No text lies on another or is cut off, and no figure is wider or higher than its page, of one, two, four nets."""
    for count, width in ((1, style.COLUMN_INCHES), (2, style.COLUMN_INCHES), (4, style.PAGE_INCHES)):
        results = [Result(paths[place % len(paths)]) for place in range(count)]
        results[-1].name = "a net with a name that is longer than its panel"
        tell_apart(results)
        choice = Choice(("int8", "int4", "equalized"), width=width)
        for name, draw in CATALOGUE.items():
            figure = draw(results, choice)
            what = (name, count, width)
            assert figure.get_figwidth() == width and figure.get_figheight() <= 9.5, (what, figure.get_figheight())
            found = boxes_of(figure)
            for place, (text, box) in enumerate(found):
                assert not text.rstrip().endswith("(1)"), (what, text)
                assert box.x0 > -3 and box.x1 < figure.bbox.x1 + 3 and box.y0 > -3 and box.y1 < figure.bbox.y1 + 3, (
                    what, text, box.bounds, figure.bbox.bounds)
                for other, its in found[:place]:
                    shared = [min(box.x1, its.x1) - max(box.x0, its.x0), min(box.y1, its.y1) - max(box.y0, its.y0)]
                    assert min(shared) < 2, (what, text, other)  # pixels
            style.plt.close(figure)


def dead_channels_have_their_own_colour(path, folder):
    """Also where the scale begins at 0, and in their exact share."""
    copy = os.path.join(folder, "dead.h5")
    shutil.copy(path, copy)
    with h5py.File(copy, "a") as f:
        bits = f["channelwise/output/effective_bits"]
        values = bits[:]
        offset, channels = f["network/channel_offset"][2], f["network/channels"][2]
        values[:, offset:offset + channels] = 0.25
        values[:, offset:offset + channels // 2] = 0
        bits[:] = values
    figure = effective_bits.draw([Result(copy)], Choice(("int8",)))
    axis = figure.axes[1]  # activations
    image = axis.images[0]
    colours = image.to_rgba(image.get_array())
    assert image.norm.vmin == 0 and matplotlib.colors.to_hex(colours[0, 2]).upper() == style.VERMILION
    lowest = matplotlib.colormaps[style.HEAT](0.0)
    assert np.allclose(colours[-1, 2], matplotlib.colormaps[style.HEAT](image.norm(0.25)), atol=0.01)
    assert not np.allclose(colours[0, 2], lowest, atol=0.1)
    shares = [bar.get_height() for bar in axis.patches if bar.get_hatch()]
    assert shares[2] == 100 * (channels // 2) / channels and labels_of(figure) == ["dead channel"]


def lines_of_errors_are_told_apart(path, folder):
    """In a panel every line has its own marker, and every row says what it shows."""
    figure = errors.draw([Result(path)], Choice(("int8", "int4", "equalized")))
    assert len(figure.axes) == 2
    for axis in figure.axes:
        markers = [line.get_marker() for line in axis.get_lines()]
        assert len(markers) == 6 and len(set(markers)) == 6, markers
    assert figure.axes[0].get_ylabel() == "local and accumulated\nSQNR (dB)"
    assert figure.axes[1].get_ylabel() == "added and propagated\nSQNR (dB)"
    assert labels_of(figure) == ["int8", "int4", "equalized", "local, added", "accumulated, propagated"]


def nets_of_one_name_are_told_apart(path, folder):
    """By their folder, in every legend and title."""
    twin = os.path.join(folder, "twin")
    os.makedirs(twin, exist_ok=True)
    shutil.copy(path, os.path.join(twin, "result.h5"))
    results = [Result(path), Result(twin), Result(twin)]
    tell_apart(results)
    names = ["small dws (dws)", "small dws (twin) #2", "small dws (twin) #3"]
    assert [result.name for result in results] == names
    assert labels_of(depth.draw(results, Choice(("int8",)))) == names


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
    ranks_are_those_of_equal_values()
    no_two_lines_look_alike()
    with tempfile.TemporaryDirectory() as folder:
        dws = small_result(program, networks, folder, "dws")
        regular = small_result(program, networks, folder, "regular")
        drawn_numbers_are_the_files(dws)
        datasets_to_come_are_used(dws, folder)
        new_figures_draw_the_files_numbers(dws, program)
        dark_style_and_pdf(dws, folder)
        dead_channels_have_their_own_colour(dws, folder)
        lines_of_errors_are_told_apart(dws, folder)
        nets_of_one_name_are_told_apart(dws, folder)
        every_figure_fits_its_page([dws, regular])
        every_figure_is_a_picture_and_the_same_twice([regular, dws], folder)
        options_choose(dws, folder)
        names_are_drawn_letter_by_letter(dws, folder)
        wrong_use_is_one_line(dws, folder)
        what_a_result_cannot_give_is_skipped(make_result, folder)
        merged_results_have_intervals(program, networks, folder)


if __name__ == "__main__":
    main()
