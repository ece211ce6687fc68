"""Range of every layer, of weights as trained, folded and equalized, and of activations; channel ranges as boxes."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .. import style
from ..bins import power
from ..result import FLOAT, Missing

BOX = (5, 25, 50, 75, 95)
OCTAVES_BELOW = 6  # the axis ends so far below the narrowest layer


def series(result, choice):
    """What is drawn of one result: [(row, label, colour, layer widths, channel widths, intervals of layer widths)].

    A merged file has no channels, a single run no intervals: None.
    """
    snapshot = result.pick(FLOAT, choice.epoch)
    equalized = result.equalized_variant(choice.variant)
    wanted = [(0, "weights as trained", style.GREY, "weight", snapshot),
              (0, "weights folded; activations", style.BLUE, "folded_weight", snapshot),
              (1, "weights folded; activations", style.BLUE, "output", snapshot)]
    if equalized is not None:
        at = result.pick(equalized)
        wanted += [(0, f"both in {style.plain(equalized)}", style.VERMILION, "folded_weight", at),
                   (1, f"both in {style.plain(equalized)}", style.VERMILION, "output", at)]
    out = []
    for row, label, colour, tensor, at in wanted:
        widths = result.width(tensor, at)
        if widths is not None and np.isfinite(widths[0]).any():
            out.append((row, label, colour, *widths, result.interval(tensor, "range", at)))
    return sorted(out, key=lambda entry: entry[0])


def boxes(result, channel_widths, percents=BOX):
    """log2 of the channels' widths at these percents [layer, percent]; dead channels left out, NaN where none is left."""
    out = np.full((len(result.layers), len(percents)), np.nan)
    for layer, widths in enumerate(result.by_layer(channel_widths)):
        alive = widths[widths > 0]
        if len(alive):
            out[layer] = np.percentile(np.log2(alive), percents)
    return out


def draw_boxes(axis, positions, box, colour, width):
    low, first, median, third, high = box.T
    axis.vlines(positions, low, high, color=colour, linewidth=0.6)
    axis.bar(positions, third - first, width, bottom=first, color=colour, alpha=0.35, edgecolor=colour, linewidth=0.5)
    axis.hlines(median, positions - width / 2, positions + width / 2, color=colour, linewidth=1.0)


def draw_layers(axis, positions, width, widths, interval, colour):
    """Ranges of layers as bars, intervals as boxes around them; returns what the legend says of these."""
    def log2(values):
        return np.log2(values, out=np.full(len(values), np.nan), where=values > 0)
    axis.hlines(log2(widths), positions - width / 2, positions + width / 2, color=colour, linewidth=1.6)
    if interval is None:
        return []
    low, high = (log2(np.maximum(widths + sign * interval, widths / 2.0**OCTAVES_BELOW)) for sign in (-1, 1))
    axis.bar(positions, high - low, width, bottom=low, color=colour, alpha=0.25, linewidth=0)
    return [Patch(facecolor=style.INK, alpha=0.25, label=style.INTERVAL)]


def draw(results, choice):
    drawn = [series(result, choice) for result in results]
    rows = sorted({entry[0] for entries in drawn for entry in entries})
    if not rows:
        raise Missing("no result has minima and maxima (statistic moments)")
    figure, axes, first = style.panels(results, len(rows), choice, row_inches=1.7)
    handles = [Line2D([], [], color=style.INK, linewidth=1.6, label="whole layer")]
    if any(entry[4] is not None for entries in drawn for entry in entries):
        handles.append(Patch(facecolor="#BBBBBB", edgecolor=style.INK, linewidth=0.5, label="its channels"))
    intervals = []
    lowest = [[] for _ in rows]
    for column, (result, entries) in enumerate(zip(results, drawn)):
        for row_index, row in enumerate(rows):
            axis = axes[row_index][column]
            here = [entry for entry in entries if entry[0] == row]
            width = 0.8 / max(len(here), 1)
            for index, (_, label, colour, layer_widths, channel_widths, interval) in enumerate(here):
                positions = np.arange(len(result.layers)) - 0.4 + width * (index + 0.5)
                if channel_widths is not None:
                    draw_boxes(axis, positions, boxes(result, channel_widths), colour, 0.8 * width)
                intervals += draw_layers(axis, positions, 0.9 * width, layer_widths, interval, colour)
                handles.append(Patch(facecolor=colour, alpha=0.6, label=label))
            lowest[row_index] += [entry[3][entry[3] > 0].min() for entry in here if (entry[3] > 0).any()]
            style.layer_ticks(axis, result, is_named=row_index == len(rows) - 1)
            axis.yaxis.set_major_locator(MaxNLocator(7, integer=True))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
            if first[column]:
                axis.set_ylabel(("weights" if row == 0 else "activations") + ":\nmax \N{MINUS SIGN} min")
    for row_axes, narrowest in zip(axes, lowest):
        if narrowest:
            row_axes[0].set_ylim(bottom=max(row_axes[0].get_ylim()[0], np.log2(min(narrowest)) - OCTAVES_BELOW))
    style.legend(figure, handles + intervals)
    return figure
