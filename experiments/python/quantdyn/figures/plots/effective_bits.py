"""Heat maps, channel by layer, of effective bits: how many bits of its layer's grid each channel uses."""
import numpy as np
from matplotlib.patches import Patch

from .. import style
from ..result import FLOAT, Missing

DEAD = {"facecolor": style.VERMILION, "edgecolor": "black", "hatch": "/////", "linewidth": 0}
ROWS = 128  # of a layer's picture: its channels, fewest bits first, drawn over as many


def series(result, choice):
    """[(title, units, bits of every layer: a list of [channel], sorted)] of one result."""
    variant = choice.variant or FLOAT
    at = result.pick(variant, choice.epoch if variant == FLOAT else None)
    out = []
    for tensor, title in (("folded_weight", "weights"), ("output", "activations")):
        values = result.channelwise(tensor, "effective_bits", at)
        if values is not None and np.isfinite(values).any():
            units = result.units(f"channelwise/{tensor}/effective_bits")
            out.append((title, units, [np.sort(part) for part in result.by_layer(values)]))
    return out


def picture(layers, rows=ROWS):
    """[row, layer]: sorted channels stretched over the rows, each row its nearest channel; NaN for a layer without."""
    out = np.full((rows, len(layers)), np.nan)
    for index, values in enumerate(layers):
        if len(values):
            out[:, index] = values[np.arange(rows) * len(values) // rows]
    return out


def dead_share(layers):
    """Share of every layer's channels that have no bits, in percent [layer]; they lie at the bottom of its column."""
    return np.array([100 * np.mean(values == 0) if len(values) else 0 for values in layers])


def draw_map(axis, layers, colours, lowest, highest):
    """Draws one panel; dead channels in a colour and hatching of their own. Returns the image."""
    values = picture(layers)
    # The scale may begin at 0, where channels with little more than no bits lie: dead ones are drawn below it.
    image = axis.imshow(np.where(values == 0, lowest - 1, values), cmap=colours, aspect="auto", interpolation="nearest",
                        origin="lower", vmin=lowest, vmax=highest, extent=(-0.5, len(layers) - 0.5, 0, 100))
    axis.bar(np.arange(len(layers)), dead_share(layers), width=1, zorder=2, **DEAD)
    return image


def draw(results, choice):
    drawn = [series(result, choice) for result in results]
    titles = list(dict.fromkeys(title for entries in drawn for title, _, _ in entries))
    if not titles:
        raise Missing("no result has channelwise/<tensor>/effective_bits")
    figure, axes, first = style.panels(results, len(titles), choice, row_inches=1.5)
    values = np.concatenate([part for entries in drawn for _, _, layers in entries for part in layers if len(part)])
    alive = values[values > 0]
    lowest = min(np.floor(alive.min()), np.ceil(values.max()) - 1) if len(alive) else 0
    colours = style.plt.get_cmap(style.HEAT).with_extremes(under=style.VERMILION)
    image = None
    for column, (result, entries) in enumerate(zip(results, drawn)):
        for row, title in enumerate(titles):
            axis = axes[row][column]
            for _, units, layers in (entry for entry in entries if entry[0] == title):
                image = draw_map(axis, layers, colours, lowest, np.ceil(values.max()))
            style.layer_ticks(axis, result, is_named=row == len(titles) - 1)
            axis.grid(False)
            axis.set_ylim(0, 100)
            if first[column]:
                axis.set_ylabel(f"{title}: channels,\nfewest bits first (%)")
    style.colour_bar(figure, image, f"effective bits{units}, {style.plain(choice.variant or FLOAT)}")
    if (values == 0).any():
        style.legend(figure, [Patch(label="dead channel", **DEAD)])
    return figure
