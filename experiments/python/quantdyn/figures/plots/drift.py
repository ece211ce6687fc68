"""How far weights move: their relative change between float32 snapshots, and since the first, layer by snapshot."""
import numpy as np

from .. import style
from ..result import FLOAT, Missing

STATISTICS = {"drift_from_previous": "since the one before", "drift_from_start": "since the first"}


def series(result, statistic):
    """(layers, times in epochs [snapshot], log2 of the change [layer, snapshot]) of float32 from the second snapshot on.

    Layers that never move are left out; None where nothing moves.
    """
    snapshots = result.snapshots_of(FLOAT)[1:]
    changes = [result.layerwise("weight", statistic, at) for at in snapshots]
    if not changes or changes[0] is None:
        return None
    layers, log2 = style.log2_rows(np.array(changes, dtype=np.float64).T)
    return (layers, np.array([result.time(at) for at in snapshots]), log2) if len(layers) else None


def draw(results, choice):
    drawn = [(result, what, series(result, statistic)) for result in results for statistic, what in STATISTICS.items()]
    drawn = [entry for entry in drawn if entry[2] is not None]
    if not drawn:
        raise Missing("no result has two float32 snapshots between which weights move; track.epochs asks for more")
    return style.log2_heat_maps([(result, what, *entry) for result, what, entry in drawn], choice, "relative change of the weights")
