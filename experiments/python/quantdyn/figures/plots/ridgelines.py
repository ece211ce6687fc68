"""Histograms of layers as ridgelines, float and quantized: weights and activations on one symmetric-log axis each."""
import numpy as np
from matplotlib.patches import Patch

from .. import bins
from .. import style
from ..result import FLOAT, Missing

PARTS = 2  # cells per octave
OVERLAP = 1.55  # height of the tallest ridge, in rows


def pairs(result, choice, tensor):
    """[(layer, float counts [bin], quantized counts [bin] or None)] of the layers that have a histogram.

    Weights: the variant's folded and repaired ones, and their quantized twins. Activations: those of float32, and
    the variant's.
    """
    float_at = result.pick(FLOAT, choice.epoch)
    at = None if choice.variant is None else result.pick(choice.variant)
    source = ("folded_weight", float_at if at is None else at) if tensor == "weight" else (tensor, float_at)
    if tensor == "weight" and not result.has("layerwise/folded_weight/histogram"):
        source = ("weight", float_at)
    out = []
    for layer in range(len(result.layers)):
        counts = result.histogram(*source, layer)
        if counts is not None:
            out.append((layer, counts, None if at is None else result.histogram(tensor, at, layer)))
    return out


def common_axis(edges, counts, most_octaves=14):
    """One symmetric-log axis for all layers: up to the largest value; down to where 2 % of the values of the median
    layer are smaller, at most this many octaves.
    """
    ends = [bins.octave_ends(*edges, one, tail=0.02) for one in counts]
    ends = [one for one in ends if one is not None]
    highest = max(high for _, high in ends)
    lowest = int(np.median([low for low, _ in ends]))
    return bins.SymmetricLog(max(lowest, highest - most_octaves), highest)


def draw_ridges(axis, result, choice, tensor):
    """Draws one panel; returns whether anything quantized was in it."""
    edges = result.edges()
    found = pairs(result, choice, tensor)
    log_axis = common_axis(edges, [counts for _, counts, _ in found])
    shares = []
    for _, floating, quantized in found:
        shares.append([bins.share_per_octave(*edges, counts, log_axis, PARTS)
                       for counts in (floating, quantized) if counts is not None])
    for row, (ridge, (layer, _, _)) in enumerate(zip(shares, found)):
        base = len(found) - 1 - row
        # The centre holds zero, and most of a relu's values: each ridge is as high as its tallest side.
        sides = [np.delete(share, len(share) // 2) for _, share in ridge]
        tallest = max(1e-12, *(side.max() for side in sides))
        for index, (ends, share) in enumerate(ridge):
            height = base + np.minimum(share / tallest, 1.0) * OVERLAP * 0.92
            if index == 0:
                axis.stairs(height, ends, baseline=base, fill=True, color=style.SKY, alpha=0.75, linewidth=0,
                            zorder=row)
            axis.stairs(np.where(share > 0, height, np.nan), ends, baseline=base, zorder=row + 0.5, linewidth=0.7,
                        color=style.BLUE if index == 0 else style.VERMILION)
        axis.axhline(base, color="#BBBBBB", linewidth=0.4, zorder=row)
    axis.set_yticks(range(len(found)))
    axis.set_yticklabels([style.plain(result.layers[layer]) for layer, _, _ in found][::-1])
    axis.set_ylim(-0.15, len(found) - 1 + OVERLAP + 0.05)
    positions, names = log_axis.ticks(2)
    axis.set_xticks(positions)
    axis.set_xticklabels(names)
    has_negative = any(share[: len(share) // 2].any() for ridge in shares for _, share in ridge)
    axis.set_xlim(-log_axis.end if has_negative else -1, log_axis.end)
    axis.tick_params(axis="y", length=0)
    axis.grid(False)
    axis.grid(True, axis="x")
    return any(len(ridge) > 1 for ridge in shares)


def draw(results, choice):
    wanted = [(result, tensor, what) for result in results if result.edges() is not None
              for tensor, what in (("weight", "weights"), ("output", "activations")) if pairs(result, choice, tensor)]
    if not wanted:
        raise Missing("no result has histograms of weights or outputs (statistic histogram)")
    rows = max(len(pairs(result, choice, tensor)) for result, tensor, _ in wanted)
    figure, axes, columns = style.small_panels(len(wanted), choice, 4, inches=1.6, row_inches=0.19 * rows + 0.85,
                                               least_inches=0.11 * rows + 0.85)
    is_quantized = False
    for axis, (result, tensor, what) in zip(axes, wanted):
        is_quantized |= draw_ridges(axis, result, choice, tensor)
        style.set_title(axis, result.name, choice.width / columns - style.names_inches([result]), what)
        axis.set_xlabel("value")
    handles = [Patch(facecolor=style.SKY, edgecolor=style.BLUE, label="float (share of values per octave)")]
    if is_quantized:
        handles.append(Patch(facecolor="none", edgecolor=style.VERMILION, label=f"quantized ({style.plain(choice.variant)})"))
    style.legend(figure, handles)
    return figure
