"""How far channels are from their layer, and layers from where training began: divergence by layer."""
import numpy as np
from matplotlib.lines import Line2D

from .. import style
from ..result import FLOAT, Missing

TENSORS = (("weight", "weights as trained", "GREY", "s"), ("folded_weight", "weights folded", "BLUE", "o"),
           ("output", "activations", "ORANGE", "^"))
ROWS = (("average_js_to_layer_excess", "channels to\ntheir layer (bit)"), ("js_from_start", "from the start\nof training (bit)"))


def series(result, choice):
    """[(row, label, colour's name, marker, divergence [layer], its interval or None)] of one result, float32."""
    snapshot = result.pick(FLOAT, choice.epoch)
    out = []
    for row, (statistic, _) in enumerate(ROWS):
        for tensor, label, colour, marker in TENSORS:
            values = result.layerwise(tensor, statistic, snapshot)
            if values is not None and np.isfinite(values).any():
                out.append((row, label, colour, marker, values, result.interval(tensor, statistic, snapshot)))
    return out


def draw(results, choice):
    drawn = [series(result, choice) for result in results]
    rows = sorted({entry[0] for entries in drawn for entry in entries})
    if not rows:
        raise Missing("no result has distances between histograms (statistic histogram)")
    figure, axes, first = style.panels(results, len(rows), choice, row_inches=1.5)
    handles, bands = [], []
    for column, (result, entries) in enumerate(zip(results, drawn)):
        for index, row in enumerate(rows):
            axis = axes[index][column]
            for _, label, colour, marker, values, interval in [entry for entry in entries if entry[0] == row]:
                bands += style.band(axis, np.arange(len(values)), values, interval, getattr(style, colour))
                axis.plot(values, color=getattr(style, colour), marker=marker, alpha=0.9)
                handles.append(Line2D([], [], color=getattr(style, colour), marker=marker, label=label))
            style.layer_ticks(axis, result, is_named=index == len(rows) - 1)
            if first[column]:
                axis.set_ylabel(ROWS[row][1])
    style.legend(figure, handles + bands)
    return figure
