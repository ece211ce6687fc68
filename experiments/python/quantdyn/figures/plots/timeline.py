"""Ranges of all layers through training: a heat map, layer by snapshot, as in the dynamics of Yun & Wong (2021)."""
import numpy as np

from .. import style
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
    layers, log2 = style.log2_rows(ranges)
    return (layers, np.array([result.time(at) for at in snapshots]), log2) if len(layers) else None


def draw(results, choice):
    drawn = [(result, tensor, series(result, tensor)) for result in results for tensor in TENSORS]
    drawn = [entry for entry in drawn if entry[2] is not None]
    if not drawn:
        raise Missing("no result has two float32 snapshots with minima and maxima; track.epochs asks for more")
    return style.log2_heat_maps([(result, TENSORS[tensor], *entry) for result, tensor, entry in drawn], choice,
                                "max \N{MINUS SIGN} min of the layer")
