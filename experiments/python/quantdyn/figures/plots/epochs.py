"""One layer through the epochs of training: quantiles of its weights and activations as bands."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .. import bins
from .. import style
from ..result import FLOAT, QUANTILES, Missing

BANDS = ((0.001, 0.999, 0.18), (0.05, 0.95, 0.3), (0.25, 0.75, 0.5))
TENSORS = {"weight": "weights", "folded_weight": "weights, folded", "output": "activations"}


def layer_of(result, choice):
    """Index of the chosen layer, or of the one whose channels use least of its range."""
    if choice.layer is not None:
        return result.layer_index(choice.layer)
    return result.narrowest_layer(result.pick(FLOAT))


def stored_quantiles(result, tensor, statistic, snapshot, layer):
    """[quantile] at QUANTILES, or of their intervals; None where the file does not have them all."""
    stored = result.layerwise(tensor, statistic, snapshot)
    fractions = result.fractions(f"layerwise/{tensor}/quantiles")
    if stored is None or fractions is None:
        return None
    where = [int(np.argmin(np.abs(fractions - wanted))) for wanted in QUANTILES]
    return stored[layer, where] if np.allclose(fractions[where], QUANTILES) else None


def quantiles_of(result, tensor, snapshot, layer):
    """[quantile] at QUANTILES: the file's where it has them, else read off the histogram. None without either."""
    stored = stored_quantiles(result, tensor, "quantiles", snapshot, layer)
    if stored is not None:
        return stored
    counts = result.histogram(tensor, snapshot, layer)
    edges = result.edges(result.histogram_axis(tensor))
    return None if counts is None or edges is None else bins.quantiles(*edges, counts, QUANTILES)


def series(result, choice, tensor):
    """(time in epochs [snapshot], quantiles [snapshot, quantile], their intervals or None) of float32.

    None where fewer than two snapshots have quantiles. Intervals are those of a merged file.
    """
    if choice.layer is not None and choice.layer not in result.layers:
        return None
    layer = layer_of(result, choice)
    found = [(result.time(at), quantiles_of(result, tensor, at, layer),
              stored_quantiles(result, tensor, "quantiles_interval", at, layer)) for at in result.snapshots_of(FLOAT)]
    found = [entry for entry in found if entry[1] is not None and np.isfinite(entry[1]).any()]
    if len(found) < 2:
        return None
    return (np.array([time for time, _, _ in found]), np.array([values for _, values, _ in found]),
            None if found[0][2] is None else np.array([interval for _, _, interval in found]))


def draw_intervals(axis, epochs, values, interval):
    """Intervals of the median and of the outermost quantiles as bars; returns what the legend says of them."""
    if interval is None:
        return []
    for quantile in (0, QUANTILES.index(0.5), -1):
        axis.errorbar(epochs, values[:, quantile], interval[:, quantile], fmt="none", ecolor=style.INK, elinewidth=0.6,
                      capsize=1.5, capthick=0.6)
    return [Line2D([], [], color=style.INK, linewidth=0.6, marker="|", label=style.INTERVAL)]


def draw_bands(axis, epochs, values):
    """Bands of quantiles; a symmetric-log axis where the outermost is 30 times as wide as the 5 to 95 %."""
    for low, high, alpha in BANDS:
        axis.fill_between(epochs, values[:, QUANTILES.index(low)], values[:, QUANTILES.index(high)],
                          color=style.BLUE, alpha=alpha, linewidth=0)
    axis.plot(epochs, values[:, QUANTILES.index(0.5)], color=style.VERMILION, marker="o")
    outer = np.ptp(values[:, [0, -1]], axis=1).max()
    inner = np.ptp(values[:, [QUANTILES.index(0.05), QUANTILES.index(0.95)]], axis=1).max()
    if inner > 0 and outer > 30 * inner:
        smallest, largest = int(np.floor(np.log2(inner / 2))), int(np.ceil(np.log2(np.abs(values).max())))
        axis.set_yscale("symlog", base=2, linthresh=2.0**smallest, linscale=1)
        exponents = range(largest, smallest + 1, -max(1, (largest - smallest) // 3))
        ticks = [2.0**e for e in exponents]
        axis.set_yticks([-tick for tick in ticks] + [0] + ticks)
        names = [bins.power(exponent) for exponent in exponents]
        axis.set_yticklabels([f"\N{MINUS SIGN}{name}" for name in names] + ["0"] + names)
        axis.set_yticks([], minor=True)


def draw(results, choice):
    wanted = [(result, tensor) for result in results for tensor in TENSORS if series(result, choice, tensor)]
    if not wanted:
        raise Missing("no result has two float32 snapshots with quantiles or histograms; track.epochs asks for more")
    figure, axes, columns = style.small_panels(len(wanted), choice, len(TENSORS), inches=1.6, row_inches=1.75)
    intervals = []
    for axis, (result, tensor) in zip(axes, wanted):
        epochs, values, interval = series(result, choice, tensor)
        draw_bands(axis, epochs, values)
        intervals += draw_intervals(axis, epochs, values, interval)
        style.set_title(axis, result.name, choice.width / columns - 0.5,
                        f"{style.plain(result.layers[layer_of(result, choice)], 20)}, {TENSORS[tensor]}")
        axis.set_xlabel("epoch")
        if axis in axes[::columns]:
            axis.set_ylabel("value")
        axis.xaxis.set_major_locator(style.matplotlib.ticker.MaxNLocator(6, integer=True))
    handles = [Patch(facecolor=style.BLUE, alpha=alpha, label=f"{100 * low:g} to {100 * high:g} %")
               for low, high, alpha in BANDS]
    style.legend(figure, handles + [Line2D([], [], color=style.VERMILION, marker="o", label="median")] + intervals)
    return figure
