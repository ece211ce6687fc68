"""Heat maps, channel by layer, of effective bits: how many bits of its layer's grid each channel uses."""
import numpy as np

import style
from result import FLOAT, Missing

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


def draw(results, choice):
    drawn = [series(result, choice) for result in results]
    titles = list(dict.fromkeys(title for entries in drawn for title, _, _ in entries))
    if not titles:
        raise Missing("no result has channelwise/<tensor>/effective_bits")
    figure, axes, stacked = style.panels(results, len(titles), choice, row_inches=1.5)
    values = np.concatenate([part for entries in drawn for _, _, layers in entries for part in layers if len(part)])
    alive = values[values > 0]
    lowest = min(np.floor(alive.min()), np.ceil(values.max()) - 1) if len(alive) else 0
    colours = style.plt.get_cmap(style.HEAT).with_extremes(under=style.VERMILION)
    image = None
    for column, (result, entries) in enumerate(zip(results, drawn)):
        for row, title in enumerate(titles):
            axis = axes[row][column]
            for _, units, layers in (entry for entry in entries if entry[0] == title):
                image = axis.imshow(picture(layers), cmap=colours, aspect="auto", interpolation="nearest",
                                    origin="lower", vmin=lowest, vmax=np.ceil(values.max()),
                                    extent=(-0.5, len(layers) - 0.5, 0, 100))
            style.layer_ticks(axis, result, is_named=row == len(titles) - 1)
            axis.grid(False)
            axis.set_ylim(0, 100)
            if column == 0 or stacked:
                axis.set_ylabel(f"{title}: channels,\nfewest bits first (%)")
    bar = figure.colorbar(image, ax=[axis for row in axes for axis in row], pad=0.01, aspect=35, fraction=0.04,
                          extend="min" if (values == 0).any() else "neither")
    dead = "; red: dead" if (values == 0).any() else ""
    bar.set_label(f"effective bits{units}, {style.plain(choice.variant or FLOAT)}{dead}")
    bar.outline.set_linewidth(0.5)
    return figure
