"""Does a mismatch of ranges predict the error? Channel precision of the folded weights against the local error."""
import numpy as np
from matplotlib.lines import Line2D

from .. import style
from ..result import FLOAT, Missing


def series(result, choice):
    """(channel precision, local SQNR in dB, kind, intervals of both or None) of layers that have both; else None.

    The variant's own folded weights, repaired ones of a repaired variant; those of float32 where it has none.
    """
    if choice.variant not in result.variants:
        return None
    at = result.pick(choice.variant)
    error = result.layerwise("output", "local_sqnr", at)
    for snapshot in (at, result.pick(FLOAT)):
        precision = result.layerwise("folded_weight", "average_channel_precision", snapshot)
        if precision is not None and np.isfinite(precision).any():
            break
    if precision is None or error is None:
        return None
    both = np.flatnonzero(np.isfinite(precision) & np.isfinite(error))
    intervals = (result.interval("folded_weight", "average_channel_precision", snapshot),
                 result.interval("output", "local_sqnr", at))
    return (precision[both], error[both], [result.kinds[layer] for layer in both],
            None if intervals[1] is None else [values[both] for values in intervals]) if len(both) else None


def ranks(values):
    """From 1; equal values have the mean of theirs."""
    values = np.asarray(values)
    return np.array([np.sum(values < value) + (np.sum(values == value) + 1) / 2 for value in values])


def spearman(x, y):
    """Pearson's correlation of the ranks, NaN where all values of one are equal: what quantdyn correlate prints."""
    x, y = (ranks(values) - (len(values) + 1) / 2 for values in (x, y))
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale > 0 else np.nan


def draw(results, choice):
    drawn = [(result, series(result, choice)) for result in results]
    drawn = [(result, points) for result, points in drawn if points is not None]
    if not drawn:
        raise Missing("no result has a quantized variant with layerwise/output/local_sqnr and "
                      "layerwise/folded_weight/average_channel_precision")
    kinds = list(dict.fromkeys(kind for _, (_, _, kinds, _) in drawn for kind in kinds))
    figure, axes, columns = style.small_panels(len(drawn), choice, 2 if len(drawn) == 4 else 3, inches=2,
                                               row_inches=2.1)
    handles, bars = [], []
    for place, (axis, (result, (precision, error, own, intervals))) in enumerate(zip(axes, drawn)):
        for kind in dict.fromkeys(own):
            here = np.array([one == kind for one in own])
            look = {**style.look(kinds.index(kind)), "linestyle": "", "markersize": 3.5}
            axis.plot(precision[here], error[here], alpha=0.9, **look)
            handles.append(Line2D([], [], label=style.plain(kind), **look))
        if intervals is not None:
            axis.errorbar(precision, error, intervals[1], intervals[0], fmt="none", ecolor=style.GREY, elinewidth=0.4,
                          zorder=1)
            bars = [Line2D([], [], color=style.GREY, linewidth=0.4, label=style.INTERVAL)]
        style.set_title(axis, result.name, choice.width / columns - 0.4,
                        f"Spearman's \N{GREEK SMALL LETTER RHO} {spearman(precision, error):.2f}, {len(own)} layers"
                        .replace("-", "\N{MINUS SIGN}"))
        axis.set_xlabel("channel precision")
        if place % columns == 0:
            axis.set_ylabel(f"local SQNR, {style.plain(choice.variant, 20)} (dB)")
        axis.margins(0.08)
    style.legend(figure, handles + bars)
    return figure
