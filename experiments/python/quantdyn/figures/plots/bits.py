"""Accuracy and SQNR of the logits against bits: the variants NAME-BITS of a result, a line a scheme."""
import re

import numpy as np
from matplotlib.lines import Line2D

from .. import style
from ..result import FLOAT, Missing

METRICS = ("accuracy", "logits_sqnr")


def schemes(result):
    """{NAME: {bits: variant}} of the variants NAME-BITS, in the order of the file."""
    out = {}
    for variant in result.quantized_variants():
        parts = re.fullmatch(r"(.+)-(\d+)", variant, re.DOTALL)
        if parts:
            out.setdefault(parts[1], {})[int(parts[2])] = variant
    return out


def series(result, metric):
    """{NAME: (bits, value, interval or None)}, fewest bits first; values that are not finite are left out."""
    out = {}
    for name, variants in schemes(result).items():
        points = [(bits, *result.networkwise(metric, result.pick(variants[bits]))) for bits in sorted(variants)]
        points = [point for point in points if np.isfinite(point[1])]
        if points:
            bits, values, intervals = (np.array(column) for column in zip(*points))
            out[name] = bits, values, intervals if np.isfinite(intervals).any() else None
    return out


def draw(results, choice):
    results = [result for result in results if any(series(result, metric) for metric in METRICS)]
    if not results:
        raise Missing("no result has variants NAME-BITS, as bit_widths makes them")
    names = list(dict.fromkeys(name for result in results for metric in METRICS for name in series(result, metric)))
    figure, axes, columns = style.grid(results, len(METRICS), choice)
    handles, bands = [], []
    for place, result in enumerate(results):
        for axis, metric in zip(axes[place], METRICS):
            for name, (bits, values, interval) in series(result, metric).items():
                look = style.look(names.index(name))
                bands += style.band(axis, bits, values, interval, look["color"])
                axis.plot(bits, values, alpha=0.9, **look)
                handles.append(Line2D([], [], label=style.plain(name), **look))
            axis.set_xticks(sorted({bits for variants in schemes(result).values() for bits in variants}))
        accuracy, _ = result.networkwise("accuracy", result.pick(FLOAT, choice.epoch))
        axes[place][0].axhline(accuracy, color=style.INK, linestyle="--", linewidth=0.8)
        axes[place][1].axhline(0, color=style.GREY, linewidth=0.6)
        axes[place][1].set_xlabel("bits")
        if place % columns == 0:
            axes[place][0].set_ylabel("accuracy")
            axes[place][1].set_ylabel("SQNR of the logits (dB)")
    float_line = Line2D([], [], color=style.INK, linestyle="--", linewidth=0.8, label="float accuracy")
    style.legend(figure, handles + [float_line] + bands)
    return figure
