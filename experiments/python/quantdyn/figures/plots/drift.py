"""How far weights move: their relative change between float32 snapshots, and since the first, layer by snapshot."""
import numpy as np

from .. import style
from ..bins import power
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
    changes = np.array(changes, dtype=np.float64).T
    log2 = np.log2(changes, out=np.full(changes.shape, np.nan), where=changes > 0)
    layers = np.flatnonzero(np.isfinite(log2).any(axis=1))
    if not len(layers):
        return None
    return layers, np.array([result.time(at) for at in snapshots]), log2[layers]


def draw(results, choice):
    drawn = [(result, what, series(result, statistic)) for result in results for statistic, what in STATISTICS.items()]
    drawn = [entry for entry in drawn if entry[2] is not None]
    if not drawn:
        raise Missing("no result has two float32 snapshots with the statistic drift; track.epochs asks for more")
    finite = np.concatenate([values[np.isfinite(values)] for _, _, (_, _, values) in drawn])
    high = np.ceil(finite.max())
    figure, bar = style.heat_maps([(result, what, *entry) for result, what, entry in drawn], choice,
                                  (min(np.floor(finite.min()), high - 1), high), "relative change of the weights")
    bar.ax.yaxis.set_major_locator(style.plt.MaxNLocator(8, integer=True))
    bar.ax.yaxis.set_major_formatter(lambda value, _: power(value))
    return figure
