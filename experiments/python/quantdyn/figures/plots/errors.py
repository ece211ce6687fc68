"""Local and accumulated error over depth, as SQNR in dB: where a quantized net errs, and where errors build up."""
import numpy as np
from matplotlib.lines import Line2D

from .. import style
from ..result import Missing

# rows of panels: prefix of the error -> line style; the second row only where a file has it
ROWS = ({"local": (0, (1, 1)), "accumulated": "-"}, {"added": (0, (1, 1)), "propagated": "-"})


def sqnr(result, prefix, snapshot):
    """SQNR in dB [layer], None where the file has no such error.

    added: of accumulated - propagated QMSE, so accumulated SQNR - 10 log10(added QMSE / accumulated QMSE); NaN where
    the layer's own error makes the whole smaller.
    """
    if prefix != "added":
        return result.layerwise("output", f"{prefix}_sqnr", snapshot)
    added, accumulated, of_accumulated = (
        result.layerwise("output", name, snapshot) for name in ("added_qmse", "accumulated_qmse", "accumulated_sqnr"))
    if added is None or accumulated is None or of_accumulated is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return of_accumulated - 10 * np.log10(np.where(added > 0, added / accumulated, np.nan))


def series(result, choice, row):
    """[(variant, prefix, SQNR in dB [layer], its interval or None)] of one result; infinite where the error is zero.

    `added` has no interval: it is computed from means.
    """
    out = []
    for variant in (name for name in choice.variants if name in result.variants):
        for prefix in ROWS[row]:
            snapshot = result.pick(variant)
            values = sqnr(result, prefix, snapshot)
            interval = result.interval("output", f"{prefix}_sqnr", snapshot)
            if values is not None and np.isfinite(values).any():
                out.append((variant, prefix, values, interval))
    return out


def draw_lines(axis, choice, row, entries):
    """Draws one panel; returns what its legend needs: of every variant its lines, as a tuple."""
    handles, bands = {}, []
    for variant, prefix, values, interval in entries:
        index = choice.variants.index(variant)
        look = {**style.look(index), "linestyle": ROWS[row][prefix]}
        if look["linestyle"] != "-":
            look.update(marker=style.OPEN_MARKERS[index % len(style.OPEN_MARKERS)], markersize=4, markeredgewidth=0.8)
        bands += style.band(axis, np.arange(len(values)), values, interval, look["color"])
        axis.plot(np.where(np.isfinite(values), values, np.nan), **look)
        handles.setdefault(variant, []).append(Line2D([], [], label=style.plain(variant), **look))
    return [tuple(lines) for lines in handles.values()] + bands


def draw(results, choice):
    rows = [row for row in range(len(ROWS)) if any(series(result, choice, row) for result in results)]
    if not rows:
        raise Missing("no result has a quantized variant with layerwise/output/local_sqnr")
    figure, axes, first = style.panels(results, len(rows), choice, row_inches=1.9)
    handles = []
    for column, result in enumerate(results):
        for index, row in enumerate(rows):
            axis = axes[index][column]
            handles += draw_lines(axis, choice, row, series(result, choice, row))
            style.layer_ticks(axis, result, is_named=index == len(rows) - 1)
            if first[column]:
                axis.set_ylabel(f"{' and '.join(ROWS[row])}\nSQNR{result.units('layerwise/output/local_sqnr')}")
    for row in axes:
        lowest = min(axis.dataLim.y0 for axis in row)
        row[0].set_ylim(bottom=min(0, lowest - 1))
    for line in dict.fromkeys(line for row in rows for line in ROWS[row].values()):
        names = [prefix for row in rows for prefix in ROWS[row] if ROWS[row][prefix] == line]
        handles.append(Line2D([], [], color=style.INK, linestyle=line, label=", ".join(names)))
    style.legend(figure, handles)
    return figure
