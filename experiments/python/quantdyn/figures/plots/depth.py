"""Nets of different depth beside each other: channel precision and accumulated SQNR from first layer to last."""
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from .. import style
from ..result import FLOAT, Missing

PANELS = (("folded_weight", "average channel precision\nof the folded weights"),
          ("accumulated", "accumulated SQNR\nof the layer's output (dB)"))


def series(result, choice, panel):
    """(relative depth, value, interval) of the layers that have a finite value; None where the result has no such array.

    Depth runs from 0, the input, to 1, the last layer. The interval is that of a merged result's mean, else None.
    """
    if panel == "folded_weight":
        array = ("folded_weight", "average_channel_precision", result.pick(FLOAT, choice.epoch))
    elif choice.variant in result.variants:
        array = ("output", "accumulated_sqnr", result.pick(choice.variant))
    else:
        return None
    values, interval = result.layerwise(*array), result.interval(*array)
    if values is None or not np.isfinite(values).any():
        return None
    at = np.flatnonzero(np.isfinite(values))
    return at / max(len(values) - 1, 1), values[at], None if interval is None else interval[at]


def draw(results, choice):
    drawn = [[series(result, choice, panel) for result in results] for panel, _ in PANELS]
    if not any(entry for row in drawn for entry in row):
        raise Missing("no result has layerwise/folded_weight/average_channel_precision or a quantized variant with "
                      "layerwise/output/accumulated_sqnr")
    figure, axes = plt.subplots(1, len(PANELS), squeeze=False, layout="constrained", figsize=(choice.width, 2.4))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    handles, bands = [], []
    for axis, row, (panel, label) in zip(axes[0], drawn, PANELS):
        for index, entry in enumerate(row):
            if entry is None:
                continue
            look = style.look(index)
            places, values, interval = entry
            bands += style.band(axis, places, values, interval, look["color"])
            axis.plot(places, values, alpha=0.9, **look)
            handles.append(Line2D([], [], label=style.plain(results[index].name), **look))
        if panel == "folded_weight":
            axis.set_ylim(0, 1.02)
        else:
            axis.axhline(0, color=style.GREY, linewidth=0.6)
        axis.set_xlim(-0.02, 1.02)
        axis.set_xlabel("depth: layer / last layer")
        axis.set_ylabel(label)
    style.legend(figure, handles + bands)
    return figure
