"""Weights that change their code in training with quantization, and that change it back (Nagel et al. 2022)."""
import numpy as np

from .. import style
from ..result import Missing

STATISTICS = {"code_change_rate": "code changes", "oscillation_rate": "changes back"}


def trained_variant(result, choice):
    """The chosen variant if it was trained with, else the first that was; None where none was."""
    quantized = result.quantized_variants()
    for name in [name for name in choice.variants if name in quantized] + quantized:
        rates = result.layerwise("weight", "code_change_rate", result.pick(name))
        if rates is not None and np.isfinite(rates).any():
            return name
    return None


def series(result, variant, statistic):
    """(layers, times in epochs [snapshot], rate a step in percent [layer, snapshot]) of the variant's snapshots."""
    snapshots = result.snapshots_of(variant)
    rates = 100 * np.array([result.layerwise("weight", statistic, at) for at in snapshots], dtype=np.float64).T
    known = np.isfinite(rates).any(axis=0)
    layers = np.flatnonzero(np.isfinite(rates).any(axis=1))
    return layers, np.array([result.time(at) for at in snapshots])[known], rates[layers][:, known]


def draw(results, choice):
    drawn = []
    for result in results:
        variant = trained_variant(result, choice)
        if variant is not None:
            drawn += [(result, f"{what}, {style.plain(variant, 12)}", *series(result, variant, statistic))
                      for statistic, what in STATISTICS.items()]
    if not drawn:
        raise Missing("no result was trained with quantization (train.quantization)")
    largest = max(np.nanmax(values) for *_, values in drawn)
    figure, _ = style.heat_maps(drawn, choice, (0, largest if largest > 0 else 1), "weights a step (%)")
    return figure
