"""Ranges of all layers through training: a heat map, layer by snapshot, as in the dynamics of Yun & Wong (2021)."""
import numpy as np

from .. import style
from ..bins import power
from ..result import FLOAT, Missing

TENSORS = {"folded_weight": "weights, folded", "output": "activations"}


def series(result, tensor):
    """(layers, times in epochs [snapshot], log2(max - min) [layer, snapshot]) of float32; NaN where a range is 0.

    Layers without any range are left out; None with fewer than two snapshots.
    """
    snapshots = result.snapshots_of(FLOAT)
    ends = [result.layerwise(tensor, statistic, at) for at in snapshots for statistic in ("min", "max")]
    if len(snapshots) < 2 or ends[0] is None or ends[1] is None:
        return None
    ranges = np.array(ends[1::2], dtype=np.float64).T - np.array(ends[::2], dtype=np.float64).T
    log2 = np.log2(ranges, out=np.full(ranges.shape, np.nan), where=ranges > 0)
    layers = np.flatnonzero(np.isfinite(log2).any(axis=1))
    if not len(layers):
        return None
    return layers, np.array([result.time(at) for at in snapshots]), log2[layers]


def draw(results, choice):
    drawn = [(result, tensor, series(result, tensor)) for result in results for tensor in TENSORS]
    drawn = [entry for entry in drawn if entry[2] is not None]
    if not drawn:
        raise Missing("no result has two float32 snapshots with minima and maxima; track.epochs asks for more")
    rows = max(len(layers) for _, _, (layers, _, _) in drawn)
    figure, axes, columns = style.small_panels(len(drawn), choice, 4, inches=1.6, row_inches=0.13 * rows + 0.85,
                                               least_inches=0.11 * rows + 0.85)
    finite = np.concatenate([values[np.isfinite(values)] for _, _, (_, _, values) in drawn])
    low, high = np.floor(finite.min()), max(np.ceil(finite.max()), np.floor(finite.min()) + 1)
    image = None
    for axis, (result, tensor, (layers, times, values)) in zip(axes, drawn):
        image = axis.imshow(values, cmap=style.HEAT, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
        axis.set_yticks(range(len(layers)))
        axis.set_yticklabels([style.plain(result.layers[layer], 16) for layer in layers])
        step = -(-len(times) // max(2, int((choice.width / columns - 0.9) / 0.28)))
        axis.set_xticks(range(0, len(times), step))
        axis.set_xticklabels([f"{time:.3g}" for time in times[::step]])
        axis.set_xlabel("epoch")
        axis.grid(False)
        inches = (choice.width - 0.6) / columns - style.names_inches([result])
        style.set_title(axis, result.name, inches, TENSORS[tensor])
    bar = style.colour_bar(figure, image, "max \N{MINUS SIGN} min of the layer")
    bar.ax.yaxis.set_major_locator(style.plt.MaxNLocator(8, integer=True))
    bar.ax.yaxis.set_major_formatter(lambda value, _: power(value))
    return figure
