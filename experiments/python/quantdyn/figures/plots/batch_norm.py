"""What folding a batch norm does to a channel's weights, and how well its running statistics fit the probe images."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .. import style
from ..bins import power
from ..result import FLOAT, Missing
from .ranges import BOX, boxes, draw_boxes

FITS = (("average_log2_std_ratio", "deviation, |log2 of the ratio|", "GREEN", "o"),
        ("average_mean_shift", "mean, |shift| in deviations", "PURPLE", "^"))


def factors(result, snapshot):
    """log2 |gamma / sigma| at BOX and at 100 percent of the channels [layer, 6]; None without norms or channels."""
    values = result.channelwise("batch_norm", "gamma_over_sigma", snapshot)
    if values is None:
        return None
    out = boxes(result, np.abs(values), (*BOX, 100))
    return out if np.isfinite(out).any() else None


def fits(result, snapshot):
    """[(label, colour's name, marker, values [layer], interval or None)]."""
    out = []
    for statistic, label, colour, marker in FITS:
        values = result.layerwise("batch_norm", statistic, snapshot)
        if values is not None and np.isfinite(values).any():
            out.append((label, colour, marker, values, result.interval("batch_norm", statistic, snapshot)))
    return out


def draw(results, choice):
    drawn = [(factors(result, at), fits(result, at))
             for result, at in ((result, result.pick(FLOAT, choice.epoch)) for result in results)]
    has_factors = any(found is not None for found, _ in drawn)
    if not has_factors and not any(lines for _, lines in drawn):
        raise Missing("no result has batch norms")
    figure, axes, first = style.panels(results, 1 + has_factors, choice, row_inches=1.5)
    handles, bands = [], []
    if has_factors:
        handles += [Patch(facecolor=style.BLUE, alpha=0.6, label="channels"),
                    Line2D([], [], color=style.VERMILION, marker="_", linestyle="", label="largest channel")]
    for column, (result, (found, lines)) in enumerate(zip(results, drawn)):
        if has_factors:
            axis = axes[0][column]
            if found is not None:
                draw_boxes(axis, np.arange(len(found)), found[:, :-1], style.BLUE, 0.5)
                axis.plot(found[:, -1], color=style.VERMILION, marker="_", linestyle="", markersize=5)
            style.layer_ticks(axis, result, is_named=False)
            axis.yaxis.set_major_locator(MaxNLocator(7, integer=True))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
        axis = axes[-1][column]
        for label, colour, marker, values, interval in lines:
            bands += style.band(axis, np.arange(len(values)), values, interval, getattr(style, colour))
            axis.plot(values, color=getattr(style, colour), marker=marker, alpha=0.9)
            handles.append(Line2D([], [], color=getattr(style, colour), marker=marker, label=label))
        style.layer_ticks(axis, result, is_named=True)
        if first[column]:
            if has_factors:
                axes[0][column].set_ylabel("what folding\nmultiplies by")
            axis.set_ylabel("probe images to\nrunning statistics")
    style.legend(figure, handles + bands)
    return figure
