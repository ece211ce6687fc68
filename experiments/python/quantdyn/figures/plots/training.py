"""Training: loss, and accuracy of float and quantized net over the epochs."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .. import style
from ..result import FLOAT, Missing

TRAINING = "training images"


def rows(result, column):
    """(epochs, values, interval or None) of a column of /training, a row an epoch; None without rows."""
    path = f"training/{column}"
    if not result.has(path) or not len(result.file[path]):
        return None
    interval = result.file[f"{path}_interval"][:] if result.has(f"{path}_interval") else None
    return result.file["training/epoch"][:].astype(float), result.file[path][:], interval


def tests(result, variant):
    """(time in epochs, accuracy, interval or None) of a variant's snapshots; None without."""
    found = [(result.time(at), *result.networkwise("accuracy", at)) for at in result.snapshots_of(variant)]
    found = [point for point in found if np.isfinite(point[1])]
    if not found:
        return None
    times, values, intervals = (np.array(column) for column in zip(*found))
    return times, values, intervals if np.isfinite(intervals).any() else None


def series(result, choice):
    """{line: (time in epochs, accuracy, interval or None)}: float32, the variants, and the training images."""
    out = {variant: tests(result, variant) for variant in (FLOAT, *choice.variants) if variant in result.variants}
    out[TRAINING] = rows(result, "accuracy")
    return {line: points for line, points in out.items() if points is not None}


def draw(results, choice):
    results = [result for result in results if rows(result, "loss") is not None]
    if not results:
        raise Missing("no result has training/loss: nothing was trained")
    figure, axes, columns = style.grid(results, 2, choice)
    looks = {TRAINING: {"color": style.GREY, "linestyle": "--"}}
    for index, variant in enumerate((FLOAT, *choice.variants)):
        looks[variant] = style.look(index)
    handles, bands = [], []
    for place, result in enumerate(results):
        lines = {**series(result, choice), "loss": rows(result, "loss")}
        for line, (times, values, interval) in lines.items():
            axis = axes[place][line == "loss"]
            look = looks[TRAINING if line == "loss" else line]
            bands += style.band(axis, times, values, interval, look["color"])
            axis.plot(times, values, alpha=0.9, **look)
            if line != "loss":
                handles.append(Line2D([], [], label=style.plain(line), **look))
        for axis in axes[place]:
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes[place][1].set_xlabel("epoch")
        if place % columns == 0:
            axes[place][0].set_ylabel("accuracy")
            axes[place][1].set_ylabel(f"training loss{result.units('training/loss')}")
    for _, axis in axes[:len(results)]:  # when all lines are there: it ends the fitting of the scale
        axis.set_ylim(bottom=0)
    style.legend(figure, handles + bands)
    return figure
