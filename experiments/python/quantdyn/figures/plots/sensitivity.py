"""Which tensors cost most: the error of the logits that each one causes when it alone is quantized, sorted."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .. import style
from ..result import Missing

STATISTIC = "sensitivity_only_logits_qmse"
TENSORS = {"weight": "weights", "output": "activations"}
MOST = 40  # bars of a net


def variant_of(result, choice):
    """The first chosen variant, else the first of all, whose tensors were quantized one by one; None where none was."""
    for variant in (*choice.variants, *result.quantized_variants()):
        if variant in result.variants:
            values = [result.layerwise(tensor, STATISTIC, result.pick(variant)) for tensor in TENSORS]
            if any(value is not None and np.isfinite(value).any() for value in values):
                return variant
    return None


def series(result, variant):
    """[(QMSE of the logits, interval or NaN, tensor, layer)], largest first."""
    at, out = result.pick(variant), []
    for tensor in TENSORS:
        values, interval = result.layerwise(tensor, STATISTIC, at), result.interval(tensor, STATISTIC, at)
        for layer in () if values is None else np.flatnonzero(np.isfinite(values)):
            out.append((values[layer], np.nan if interval is None else interval[layer], tensor, int(layer)))
    return sorted(out, key=lambda entry: -entry[0])


def draw(results, choice):
    drawn = [(result, variant_of(result, choice)) for result in results]
    drawn = [(result, variant, series(result, variant)) for result, variant in drawn if variant is not None]
    if not drawn:
        raise Missing("no result has a variant with sensitivity, which quantizes each tensor alone")
    bars = min(MOST, max(len(entries) for _, _, entries in drawn))
    figure, axes, columns = style.small_panels(len(drawn), choice, 4, inches=1.6, row_inches=0.11 * bars + 0.9,
                                               least_inches=0.11 * bars + 0.9)
    looks = {"weight": {"color": style.BLUE}, "output": {"facecolor": style.ORANGE, "edgecolor": "black",
                                                         "hatch": "////", "linewidth": 0}}
    handles = {}
    for axis, (result, variant, entries) in zip(axes, drawn):
        for place, (value, interval, tensor, _) in enumerate(entries[:MOST]):
            axis.barh(place, value, height=0.8, xerr=None if np.isnan(interval) else interval,
                      error_kw={"elinewidth": 0.6, "ecolor": style.INK}, **looks[tensor])
            handles[tensor] = Patch(label=TENSORS[tensor], **looks[tensor])
        axis.set_yticks(range(len(entries[:MOST])))
        axis.set_yticklabels([style.plain(result.layers[layer], 16) for _, _, _, layer in entries[:MOST]])
        axis.set_ylim(bars - 0.4, -0.6)
        axis.set_xlim(left=0)
        axis.xaxis.set_major_locator(style.plt.MaxNLocator(3))
        axis.grid(False)
        axis.grid(True, axis="x")
        left_out = f", {MOST} of {len(entries)}" if len(entries) > MOST else ""
        style.set_title(axis, result.name, choice.width / columns - style.names_inches([result]),
                        f"{style.plain(variant, 16)}{left_out}")
        axis.set_xlabel("QMSE of the logits")
    shown = [handles[tensor] for tensor in TENSORS if tensor in handles]
    if any(not np.isnan(interval) for _, _, entries in drawn for _, interval, _, _ in entries):
        shown.append(Line2D([], [], color=style.INK, linewidth=0.6, label=style.INTERVAL))
    style.legend(figure, shown)
    return figure
