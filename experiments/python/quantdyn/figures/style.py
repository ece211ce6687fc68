"""How every figure looks and is saved: sizes of paper columns, colour-blind-safe colours, equal bytes."""
import io
import os

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch
from PIL import Image

from .bins import power

COLUMN_INCHES, PAGE_INCHES, PAGE_HEIGHT_INCHES = 3.35, 7.0, 9.0
# Okabe & Ito 2008, "Color universal design".
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY = "#56B4E9", "#CC79A7", "#000000", "#8A8A8A"
COLOURS = ("BLUE", "ORANGE", "GREEN", "VERMILION", "SKY", "PURPLE", "BLACK")
SERIES_NAMES = ("BLUE", "VERMILION", "GREEN", "ORANGE", "PURPLE", "SKY", "BLACK")
SERIES = tuple(globals()[name] for name in SERIES_NAMES)
MARKERS = "os^Dv<>"
OPEN_MARKERS = "x+1234|"  # of a second line in the same colour
INK = BLACK  # of what is neither data nor background
HEAT = "viridis"
INTERVAL = "95 % confidence interval of the mean"

PARAMETERS = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 7, "axes.titlesize": 8,
    "axes.labelsize": 7.5, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.grid.axis": "y", "axes.axisbelow": True, "grid.color": "#E4E4E4", "grid.linewidth": 0.5,
    "xtick.major.width": 0.5, "ytick.major.width": 0.5, "xtick.major.size": 2, "ytick.major.size": 2,
    "xtick.major.pad": 1.5, "ytick.major.pad": 1.5, "lines.linewidth": 1.1, "lines.markersize": 2.8,
    "legend.frameon": False, "legend.handlelength": 1.6, "legend.columnspacing": 1.2,
    "svg.hashsalt": "quantdyn", "svg.fonttype": "none", "pdf.fonttype": 42, "savefig.dpi": 150, "figure.dpi": 150,
}


# Text, grid and background; then colours by their name here, light enough for a dark background.
STYLES = {
    "light": ("#000000", "#E4E4E4", "#FFFFFF", {name: globals()[name] for name in COLOURS}),
    "dark": ("#F2F2F2", "#3A3D44", "#16181D", dict(zip(COLOURS, (
        "#56B4E9", "#F2B134", "#2CC295", "#F4783C", "#A6D8F5", "#DD9DBF", "#FFFFFF")))),
}


def use(style):
    """Draws all figures from here on in the style of this name."""
    matplotlib.rcParams.update(PARAMETERS)
    ink, grid_colour, background, colours = STYLES[style]
    globals().update(colours, INK=ink, SERIES=tuple(colours[name] for name in SERIES_NAMES))
    matplotlib.rcParams.update(dict.fromkeys((
        "text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink))
    matplotlib.rcParams.update({"grid.color": grid_colour, "axes.facecolor": background, "figure.facecolor": background})


def plain(name, longest=40):
    """A name from a file as matplotlib draws it letter by letter: no formula between "$", no control characters; long
    names are shortened in their middle.
    """
    if len(name) > longest:
        tail = min(15, longest // 3)
        name = f"{name[:longest - tail - 1]}\u2026{name[-tail:]}"
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name  # else a legend would leave it out


def lines_of(results, choice, rows, row_inches):
    """Results set side by side while their layers have room, then in further lines: ([[result's place]], row's height).

    Where the lines would be higher than a page, layers move closer together, then rows become lower.
    """
    for layers_an_inch in (5.2, 9):
        lines, used = [], 0
        for place, result in enumerate(results):
            if not lines or used + len(result.layers) > layers_an_inch * choice.width:
                lines, used = lines + [[]], 0
            lines[-1].append(place)
            used += len(result.layers)
        inches = (PAGE_HEIGHT_INCHES - 0.35) / len(lines) - names_inches(results)
        if rows * row_inches <= inches:
            return lines, row_inches
    return lines, max(0.9, inches / rows)


def names_inches(results):
    """What names of layers written upwards need."""
    return 0.056 * max(len(plain(name)) for result in results for name in result.layers)


def panels(results, rows, choice, row_inches):
    """A figure, its axes [row][result], and whether a result is the first of its line [result].

    Results are side by side, as wide as they have layers, and in several lines where that is too narrow. A row has one
    y axis, also over lines.
    """
    lines, row_inches = lines_of(results, choice, rows, row_inches)
    figure = plt.figure(layout="constrained", figsize=(
        choice.width, (row_inches * rows + names_inches(results)) * len(lines) + 0.35))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    axes = [[] for _ in range(rows)]
    for at, line in zip(figure.add_gridspec(len(lines), 1), lines):
        widths = [max(len(results[place].layers), 6) for place in line]
        grid = at.subgridspec(rows, len(line), width_ratios=widths)
        for row in range(rows):
            for column, width in enumerate(widths):
                axis = figure.add_subplot(grid[row, column], sharey=axes[row][0] if axes[row] else None)
                axis.tick_params(labelleft=column == 0)
                if row == 0:
                    set_title(axis, results[line[column]].name, (choice.width - 0.7) * width / sum(widths))
                axes[row].append(axis)
    return figure, axes, [place in (line[0] for line in lines) for place in range(len(results))]


def small_panels(count, choice, most, inches, row_inches, least_inches=1.1):
    """A figure, its axes [panel], and how many are beside each other: as many as have these inches, `most` at most.

    Rows are lower where they would not fit on a page.
    """
    columns = max(1, min(count, most, int(choice.width / inches)))
    rows = -(-count // columns)
    row_inches = max(least_inches, min(row_inches, (PAGE_HEIGHT_INCHES - 0.3) / rows))
    figure, axes = plt.subplots(rows, columns, squeeze=False, layout="constrained",
                                figsize=(choice.width, row_inches * rows + 0.3))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    return figure, list(axes.flat[:count]), columns


def grid(results, rows, choice):
    """A figure, its axes [result][row], and how many results are beside each other; a row has one y axis."""
    columns = max(1, min(len(results), 4, int(choice.width / 1.6)))
    lines = -(-len(results) // columns)
    row_inches = max(0.9, min(1.7, (PAGE_HEIGHT_INCHES / lines - 0.5) / rows))
    figure = plt.figure(layout="constrained", figsize=(choice.width, (row_inches * rows + 0.3) * lines + 0.2))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    spaces, axes = figure.add_gridspec(rows * lines, columns), []
    for place, result in enumerate(results):
        line, column = divmod(place, columns)
        own = []
        for row in range(rows):
            own.append(figure.add_subplot(spaces[rows * line + row, column], sharex=own[0] if own else None,
                                          sharey=axes[0][row] if axes else None))
        for row, axis in enumerate(own):
            axis.tick_params(labelleft=column == 0, labelbottom=row == rows - 1)
        set_title(own[0], result.name, choice.width / columns - 0.3)
        axes.append(own)
    return figure, axes, columns


def set_title(axis, name, inches, below=""):
    """A result's name above its panel, shortened to these inches; `below` is a second line, not bold."""
    axis.set_title(plain(name, max(10, int(inches / 0.07))), loc="left", fontweight="bold", pad=14 if below else 5)
    if below:
        axis.annotate(below, (0, 1), xytext=(0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=7)


def look(index):
    """Colour and marker of the line at this place: no two alike among the first 49."""
    turn = index // len(SERIES)
    return {"color": SERIES[index % len(SERIES)], "marker": MARKERS[(index + turn) % len(MARKERS)]}


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
    """The 95 % confidence interval of means over runs, [layer] each; returns what the legend says of it: [handle].

    Nothing where there is none.
    """
    if interval is None or not np.isfinite(interval).any():
        return []
    axis.fill_between(places, values - interval, values + interval, color=colour, alpha=0.2, linewidth=0)
    return [Patch(facecolor=INK, alpha=0.2, label=INTERVAL)]


def legend(figure, handles):
    """One legend above all panels, each label once; the panels make room for it. A tuple of lines is one entry."""
    unique = {}
    for handle in handles:
        unique.setdefault((handle[0] if isinstance(handle, tuple) else handle).get_label(), handle)
    inches = [0.42 + 0.052 * len(label) for label in unique]
    rows = next((rows for rows in range(1, len(inches)) if figure.get_figwidth() > sum(
        max(inches[start:start + rows]) for start in range(0, len(inches), rows))), len(inches))
    columns = -(-len(unique) // rows)
    figure.legend(list(unique.values()), list(unique), loc="upper center", bbox_to_anchor=(0.5, 1), ncols=columns,
                  borderaxespad=0.2, handler_map={tuple: HandlerTuple(ndivide=None)})
    height = 0.06 + 0.14 * rows
    _, _, width, _ = figure.get_layout_engine().get()["rect"]
    figure.get_layout_engine().set(rect=(0, 0, width, 1 - height / figure.get_figheight()))


def colour_bar(figure, image, label):
    """A scale of colours right of all panels, which make room for it."""
    inches = 0.58
    width, height = figure.get_figwidth(), figure.get_figheight()
    tall = min(height - 0.6, 3.0)
    figure.get_layout_engine().set(rect=(0, 0, 1 - inches / width, 1))
    place = (1 - (inches - 0.06) / width, (1 - tall / height) / 2, 0.09 / width, tall / height)
    bar = figure.colorbar(image, cax=figure.add_axes(place))
    bar.set_label(label)
    bar.outline.set_linewidth(0.5)
    return bar


def heat_maps(panels, choice, limits, label):
    """Layers by time, a panel each of [(result, what, layers, times in epochs, values [layer, time])]: (figure, its bar)."""
    rows = max(len(layers) for _, _, layers, _, _ in panels)
    figure, axes, columns = small_panels(len(panels), choice, 4, inches=1.6, row_inches=0.13 * rows + 0.85,
                                         least_inches=0.11 * rows + 0.85)
    image = None
    for axis, (result, what, layers, times, values) in zip(axes, panels):
        image = axis.imshow(values, cmap=HEAT, vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest")
        axis.set_yticks(range(len(layers)))
        axis.set_yticklabels([plain(result.layers[layer], 16) for layer in layers])
        step = -(-len(times) // max(2, int((choice.width / columns - 0.9) / 0.28)))
        axis.set_xticks(range(0, len(times), step))
        axis.set_xticklabels([f"{time:.3g}" for time in times[::step]])
        axis.set_xlabel("epoch")
        axis.grid(False)
        set_title(axis, result.name, (choice.width - 0.6) / columns - names_inches([result]), what)
    return figure, colour_bar(figure, image, label)


def log2_rows(values):
    """(places of layers with a value, log2 of values [layer, time] of these); NaN where a value is 0 or NaN."""
    log2 = np.log2(values, out=np.full(values.shape, np.nan), where=values > 0)
    layers = np.flatnonzero(np.isfinite(log2).any(axis=1))
    return layers, log2[layers]


def log2_heat_maps(panels, choice, label):
    """heat_maps() of log2 values, whose scale has the powers of two."""
    finite = np.concatenate([values[np.isfinite(values)] for *_, values in panels])
    low = np.floor(finite.min())
    figure, bar = heat_maps(panels, choice, (low, max(np.ceil(finite.max()), low + 1)), label)
    bar.ax.yaxis.set_major_locator(plt.MaxNLocator(8, integer=True))
    bar.ax.yaxis.set_major_formatter(lambda value, _: power(value))
    return figure


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


def pdf_bytes(figure):
    out = io.BytesIO()
    figure.savefig(out, format="pdf", metadata={"CreationDate": None, "Creator": "quantdyn", "Producer": None})
    return out.getvalue()


WRITERS = {"pdf": pdf_bytes, "png": png_bytes, "svg": svg_bytes}


def save(figure, folder, name, formats):
    """Writes the figure in each format; returns the paths."""
    paths = []
    for extension in formats:
        paths.append(os.path.join(folder, f"{name}.{extension}"))
        with open(paths[-1], "wb") as f:
            f.write(WRITERS[extension](figure))
    plt.close(figure)
    return paths
