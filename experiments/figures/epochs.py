"""One layer through the epochs of training: quantiles of its weights and activations as bands."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import bins
import style
from result import FLOAT, QUANTILES, Missing

BANDS = ((0.001, 0.999, 0.18), (0.05, 0.95, 0.3), (0.25, 0.75, 0.5))
TENSORS = {"weight": "weights", "folded_weight": "weights, folded", "output": "activations"}


def layer_of(result, choice):
    """Index of the chosen layer, or of the one whose channels use least of its range."""
    if choice.layer is not None:
        return result.layer_index(choice.layer)
    return result.narrowest_layer(result.pick(FLOAT))


def quantiles_of(result, tensor, snapshot, layer):
    """[quantile] at QUANTILES: the file's where it has them, else read off the histogram. None without either."""
    stored = result.layerwise(tensor, "quantiles", snapshot)
    fractions = result.fractions(f"layerwise/{tensor}/quantiles")
    if stored is not None and fractions is not None:
        where = [int(np.argmin(np.abs(fractions - wanted))) for wanted in QUANTILES]
        if np.allclose(fractions[where], QUANTILES):
            return stored[layer, where]
    counts = result.histogram(tensor, snapshot, layer)
    edges = result.edges(result.histogram_axis(tensor))
    return None if counts is None or edges is None else bins.quantiles(*edges, counts, QUANTILES)


def series(result, choice, tensor):
    """(time in epochs [snapshot], quantiles [snapshot, quantile]) of float32; None where fewer than two have them."""
    if choice.layer is not None and choice.layer not in result.layers:
        return None
    layer = layer_of(result, choice)
    found = [(result.time(at), quantiles_of(result, tensor, at, layer)) for at in result.snapshots_of(FLOAT)]
    found = [(time, values) for time, values in found if values is not None and np.isfinite(values).any()]
    if len(found) < 2:
        return None
    return np.array([time for time, _ in found]), np.array([values for _, values in found])


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
        axis.set_yticklabels([f"\N{MINUS SIGN}{bins.power(e)}" for e in exponents] + ["0"] +
                             [bins.power(e) for e in exponents])
        axis.set_yticks([], minor=True)


def draw(results, choice):
    wanted = [(result, tensor) for result in results for tensor in TENSORS if series(result, choice, tensor)]
    if not wanted:
        raise Missing("no result has two float32 snapshots with quantiles or histograms; track.epochs asks for more")
    columns = min(len(TENSORS), int(choice.width / 2))
    rows = -(-len(wanted) // columns)
    figure, axes = style.plt.subplots(rows, columns, squeeze=False, layout="constrained",
                                      figsize=(choice.width, 1.75 * rows + 0.3))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    for axis, (result, tensor) in zip(axes.flat, wanted):
        epochs, values = series(result, choice, tensor)
        draw_bands(axis, epochs, values)
        axis.set_title(f"{style.plain(result.layers[layer_of(result, choice)])}, {TENSORS[tensor]}", loc="left")
        axis.set_xlabel("epoch")
        if tensor == wanted[0][1] or columns == 1:
            axis.set_ylabel(f"{style.plain(result.name)}: value (1)")
        axis.xaxis.set_major_locator(style.matplotlib.ticker.MaxNLocator(6, integer=True))
    for axis in axes.flat[len(wanted):]:
        axis.set_visible(False)
    handles = [Patch(facecolor=style.BLUE, alpha=alpha, label=f"{100 * low:g} to {100 * high:g} %")
               for low, high, alpha in BANDS]
    style.legend(figure, handles + [Line2D([], [], color=style.VERMILION, marker="o", label="median")])
    return figure
