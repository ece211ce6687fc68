"""How every figure looks and is saved: sizes of paper columns, colour-blind-safe colours, equal bytes."""
import io
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

COLUMN_INCHES, PAGE_INCHES = 3.35, 7.0
# Okabe & Ito 2008, "Color universal design".
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY = "#56B4E9", "#CC79A7", "#000000", "#8A8A8A"
SERIES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
MARKERS = "os^Dv<>"
HEAT = "viridis"

matplotlib.rcParams.update({
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 7, "axes.titlesize": 8,
    "axes.labelsize": 7.5, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.grid.axis": "y", "axes.axisbelow": True, "grid.color": "#E4E4E4", "grid.linewidth": 0.5,
    "xtick.major.width": 0.5, "ytick.major.width": 0.5, "xtick.major.size": 2, "ytick.major.size": 2,
    "xtick.major.pad": 1.5, "ytick.major.pad": 1.5, "lines.linewidth": 1.1, "lines.markersize": 2.8,
    "legend.frameon": False, "legend.handlelength": 1.6, "legend.columnspacing": 1.2,
    "svg.hashsalt": "quantdyn", "svg.fonttype": "none", "savefig.dpi": 150, "figure.dpi": 150,
})


def plain(name, longest=40):
    """A name from a file as matplotlib draws it letter by letter: no formula between "$", no control characters; long
    names are shortened in their middle.
    """
    if len(name) > longest:
        name = f"{name[:longest - 16]}\u2026{name[-15:]}"
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name  # else a legend would leave it out


def panels(results, rows, choice, row_inches):
    """A figure and its axes [row][result]: results side by side, as wide as they have layers, the y axis shared by row.

    Nets of together more than 36 layers are set one below the other: axes [row][result] all the same.
    """
    layers = [len(result.layers) for result in results]
    names_inches = 0.056 * max(len(plain(name)) for result in results for name in result.layers)
    stacked = len(results) > 1 and sum(layers) > 5.2 * choice.width
    grid_rows, grid_columns = (rows * len(results), 1) if stacked else (rows, len(results))
    ratios = None if stacked else [max(count, 6) for count in layers]
    figure, axes = plt.subplots(
        grid_rows, grid_columns, squeeze=False, layout="constrained", gridspec_kw={"width_ratios": ratios},
        figsize=(choice.width, row_inches * grid_rows + names_inches * (len(results) if stacked else 1) + 0.35))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    if stacked:
        axes = [[axes[rows * index + row][0] for index in range(len(results))] for row in range(rows)]
    for row in axes:
        for other in row[1:]:
            other.sharey(row[0])
            if not stacked:
                other.tick_params(labelleft=False)
    for axis, result in zip(axes[0], results):
        axis.set_title(plain(result.name), loc="left", fontweight="bold")
    return figure, axes, stacked


def layer_ticks(axis, result, is_named):
    """Names of layers below an axis of positions 0, 1 ...; every second one where they would touch."""
    count = len(result.layers)
    axis.set_xlim(-0.6, count - 0.4)
    inches = axis.get_position().width * axis.figure.get_figwidth()
    step = int(np.ceil(0.115 * count / inches))
    axis.set_xticks(range(0, count, step))
    if is_named:
        axis.set_xticklabels([plain(name) for name in result.layers[::step]], rotation=90)
    else:
        axis.set_xticklabels([])


def band(axis, places, values, interval, colour):
    """The 95 % confidence interval of means over runs, [layer] each; nothing where there is none."""
    if interval is not None:
        axis.fill_between(places, values - interval, values + interval, color=colour, alpha=0.2, linewidth=0)


def legend(figure, handles):
    """One legend above all panels, each label once; the panels make room for it."""
    unique = {}
    for handle in handles:
        unique.setdefault(handle.get_label(), handle)
    inches = [0.42 + 0.052 * len(label) for label in unique]
    rows = next((rows for rows in range(1, len(inches)) if figure.get_figwidth() > sum(
        max(inches[start:start + rows]) for start in range(0, len(inches), rows))), len(inches))
    columns = -(-len(unique) // rows)
    figure.legend(handles=list(unique.values()), loc="upper center", bbox_to_anchor=(0.5, 1), ncols=columns,
                  borderaxespad=0.2)
    height = 0.06 + 0.14 * rows
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - height / figure.get_figheight()))


def svg_bytes(figure):
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "quantdyn"})
    return out.getvalue()


def png_bytes(figure):
    """A PNG with a palette of 256 colours chosen to cover all hues, rare ones too: a third of the file."""
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    image = Image.open(out).convert("RGB")
    small = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, format="png", optimize=True)
    return out.getvalue()


WRITERS = {"png": png_bytes, "svg": svg_bytes}


def save(figure, folder, name, formats):
    """Writes the figure in each format; returns the paths."""
    paths = []
    for extension in formats:
        paths.append(os.path.join(folder, f"{name}.{extension}"))
        with open(paths[-1], "wb") as f:
            f.write(WRITERS[extension](figure))
    plt.close(figure)
    return paths
