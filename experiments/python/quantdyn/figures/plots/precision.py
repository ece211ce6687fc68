"""Average channel precision over depth: which share of its layer's range, and so of its codes, a channel uses."""
import numpy as np
from matplotlib.lines import Line2D

from .. import style
from ..result import FLOAT, Missing

STATISTIC = "average_channel_precision"


def series(result, choice):
    """[(label, colour, marker, average [layer], its interval or None)] of one result."""
    snapshot = result.pick(FLOAT, choice.epoch)
    equalized = result.equalized_variant(choice.variant)
    wanted = [("weights as trained", style.GREY, "s", "weight", snapshot),
              ("weights folded", style.BLUE, "o", "folded_weight", snapshot),
              ("activations", style.ORANGE, "^", "output", snapshot)]
    if equalized is not None:
        wanted.insert(2, ("weights equalized", style.VERMILION, "D", "folded_weight", result.pick(equalized)))
    out = []
    for label, colour, marker, tensor, at in wanted:
        values = result.layerwise(tensor, STATISTIC, at)
        if values is not None and np.isfinite(values).any():
            out.append((label, colour, marker, values, result.interval(tensor, STATISTIC, at)))
    return out


def draw(results, choice):
    drawn = [series(result, choice) for result in results]
    if not any(drawn):
        raise Missing("no result has layerwise/<tensor>/average_channel_precision")
    figure, axes, first = style.panels(results, 1, choice, row_inches=1.7)
    handles, bands = [], []
    for column, (result, entries) in enumerate(zip(results, drawn)):
        axis = axes[0][column]
        for label, colour, marker, values, interval in entries:
            bands += style.band(axis, np.arange(len(values)), values, interval, colour)
            axis.plot(values, color=colour, marker=marker, alpha=0.9)
            handles.append(Line2D([], [], color=colour, marker=marker, label=label))
        axis.set_ylim(0, 1.02)
        style.layer_ticks(axis, result, is_named=True)
        if first[column]:
            axis.set_ylabel("average channel\nprecision")
    style.legend(figure, handles + bands)
    return figure
