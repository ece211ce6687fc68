"""The statistics that claims.yaml names, of one run or of the runs of one seed.

A measure takes a Run (or, in OF_SEEDS, the runs of one seed) and options, and returns a number. It raises Missing, with the
dataset or variant that lacks, and Idle where there is nothing to measure. "Layers" are the rows of the file's axis `layer`.
"""
import numpy as np
from scipy import stats

from runs import FLOAT, Missing, bits_of

SMALL_LOSS = 0.01  # a relative decrease that counts as a loss: MLPerf's 99 % of FP32 (Reddi et al. 2020, table I)


class Idle(Exception):
    """The question does not arise: there is no loss that something could recover."""


def finite(values, what):
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        raise Missing(f"no finite value of {what}")
    return values


def metric(run, name, variant=FLOAT):
    """networkwise/NAME of a variant's last snapshot (formulae: ../../stats/README.md).

    relative_accuracy_decrease = (a_float - a) / a_float and qce, the cross-entropy of the quantized softmax with the float
    one: Yun & Wong 2021. <tensor>_range_fluctuation, octaves: the standard deviation of log2 range over layers.
    """
    return run.number(name, variant)


def chosen_layers(run, kinds=None, ending=None):
    """[layer] of bool: of given kinds, or with names of a given ending."""
    mask = np.ones(len(run.names), bool)
    if kinds:
        mask &= np.isin(run.kinds, kinds)
    if ending:
        mask &= np.array([name.endswith(ending) for name in run.names])
    return mask


def layer_mean(run, tensor, statistic, variant=FLOAT, kinds=None, ending=None):
    """Mean over layers of layerwise/TENSOR/STATISTIC, those without a finite value left out.

    average_channel_precision: Nagel et al. 2019, section 3.3. average_js_to_layer_excess, bit: the mean Jensen-Shannon
    divergence of channels from their layer (Lin 1991), less its expectation for as many values drawn from the layer.
    """
    values = run.layers(tensor, statistic, variant)[chosen_layers(run, kinds, ending)]
    return float(finite(values, f"{tensor}/{statistic}").mean())


def layer_gap(run, tensor, statistic, kinds, less, variant=FLOAT):
    """layer_mean() of the layers `kinds` less that of the layers `less`, in one net."""
    return (layer_mean(run, tensor, statistic, variant, kinds) - layer_mean(run, tensor, statistic, variant, less))


def error_pairs(run, tensor, statistic, variant):
    """([layer], [layer]): a statistic of the float net and local SQNR (dB) of the output, of layers that have both."""
    x = run.layers(tensor, statistic, FLOAT)
    y = run.layers("output", "local_sqnr", variant)
    there = np.isfinite(x) & np.isfinite(y)
    if np.sum(there) < 4:
        raise Missing(f"fewer than four layers with {tensor}/{statistic} and output/local_sqnr of {variant}")
    return x[there], y[there]


def rank_correlation(run, tensor, statistic, variant):
    """Spearman's rho (1904) over one net's layers of a statistic and the layer's local SQNR: -1 to 1."""
    return float(stats.spearmanr(*error_pairs(run, tensor, statistic, variant))[0])


def accumulated(run, variant):
    """([layer], [layer]): place in the net (0, 1 ...) and accumulated SQNR (dB) of the outputs that have a finite one."""
    values = run.layers("output", "accumulated_sqnr", variant)
    places = np.flatnonzero(np.isfinite(values))
    if len(places) < 3:
        raise Missing(f"fewer than three layers with a finite output/accumulated_sqnr of {variant}")
    return places.astype(float), values[places]


def accumulation_slope(run, variant, over="layer"):
    """dB a layer (or, over: depth, dB from first to last layer) by which accumulated error grows: the negative slope of
    accumulated SQNR over the layers by least squares. After Yun & Wong 2021, who plot error over depth.
    """
    places, values = accumulated(run, variant)
    slope = -float(np.polyfit(places, values, 1)[0])
    return slope * (len(run.names) - 1) if over == "depth" else slope


def shift_slope(run, variant):
    """Slope over relative depth (0 the input, 1 the last layer), by least squares, of the float-to-quantized shift of a
    layer's output (runs.shift_ratios): the mean-shift to signal ratio (its root) of Finkelstein et al. 2019 (arXiv 1906.03193).
    """
    ratios = run.layers("output", "accumulated_mean_shift_ratio", variant)
    there = np.isfinite(ratios)
    return float(np.polyfit(np.flatnonzero(there) / (len(ratios) - 1), ratios[there], 1)[0])


def folding_widening(run, kinds=None, less=None):
    """Octaves by which folding widens ranges: the mean over layers of log2 (range of the folded weights / range of the
    weights as trained). With `less` that of the layers `kinds` less that of the layers `less`.
    """
    change = run.layers("folded_weight", "log2_range", FLOAT) - run.layers("weight", "log2_range", FLOAT)

    def mean(of):
        return float(finite(change[chosen_layers(run, of)], "log2_range").mean())

    return mean(kinds) - (mean(less) if less else 0.0)


def recovered_share(run, variant, base):
    """(a_variant - a_base) / (a_float - a_base): the share of the accuracy lost by `base` that `variant` has not lost.
    1: all; over 1: better than float; under 0: worse than base. Idle where base loses under 1 % of the float accuracy.
    """
    before, lost = run.number("accuracy", FLOAT), run.number("accuracy", base)
    if (before - lost) / before < SMALL_LOSS:
        raise Idle(f"{run.member}: {base} loses {(before - lost) / before:.2%}")
    return (run.number("accuracy", variant) - lost) / (before - lost)


def weights_share(run, bits):
    """(d_weights - d_activations) / d_both, d the relative accuracy decrease with only weights, only activations and both
    quantized: over 0 where weights cost more. Idle where both together lose under 1 %.
    """
    both = run.number("relative_accuracy_decrease", f"minmax-{bits}")
    if both < SMALL_LOSS:
        raise Idle(f"{run.member}: minmax-{bits} loses {both:.2%}")
    return (run.number("relative_accuracy_decrease", f"weights_only-{bits}")
            - run.number("relative_accuracy_decrease", f"activations_only-{bits}")) / both


def error_share(run, variant, kinds):
    """Share of layers `kinds` in the sum over all layers of the logits' QMSE that each one's weight and output cause
    alone (sensitivity_only_logits_qmse).
    """
    parts = np.zeros(len(run.names))
    for tensor in ("weight", "output"):
        parts += np.nan_to_num(run.layers(tensor, "sensitivity_only_logits_qmse", variant))
    if not parts.sum() > 0:
        raise Missing(f"no sensitivity table of {variant}")
    return float(parts[chosen_layers(run, kinds)].sum() / parts.sum())


def breaking_bits(run, decrease, prefix="minmax"):
    """Bits at which the relative accuracy decrease passes `decrease`: linear between the bit widths of PREFIX-bits on
    either side, seen from the most bits. The least width where none passes it; Missing where the most bits pass it already.
    """
    points = sorted(((bits_of(name), name) for name in run.variants if name.startswith(f"{prefix}-") and bits_of(name)), reverse=True)
    if not points:
        raise Missing(f"no variant {prefix}-BITS")
    values = [(bits, run.number("relative_accuracy_decrease", name)) for bits, name in points]
    if values[0][1] > decrease:
        raise Missing(f"it loses more than {decrease:.0%} at {values[0][0]} bits already")
    for (upper, before), (lower, after) in zip(values, values[1:]):
        if after > decrease:
            return lower + (upper - lower) * (after - decrease) / (after - before)
    return float(values[-1][0])


def curve(run, name, variant):
    """[time] of a networkwise metric over the snapshots of a training."""
    if len(run.epochs) < 4:
        raise Missing(f"{len(run.epochs)} snapshots over training, at least 4 are needed")
    values = run.over_training(name, variant)
    if len(values) != len(run.epochs):
        raise Missing(f"{name} of {variant} at {len(values)} of {len(run.epochs)} snapshots over training")
    return values


def trend_over_training(run, name, variant=FLOAT):
    """Spearman's rho of a networkwise metric and the epoch, over the snapshots of one training."""
    values = curve(run, name, variant)
    return float(stats.spearmanr(run.epochs, values)[0])


def lead(run, leader, follower, variant):
    """r(dx_t, dy_(t+1)) - r(dy_t, dx_(t+1)), d the change from snapshot to snapshot, x the float net's metric `leader`, y
    the variant's `follower`, r Spearman's: over 0 where x moves before y. The comparison of cross-lagged correlations
    (Kenny 1975).
    """
    x, y = np.diff(curve(run, leader, FLOAT)), np.diff(curve(run, follower, variant))
    if len(x) < 4:
        raise Missing(f"{len(x) + 1} snapshots over training, at least 5 are needed")
    return float(stats.spearmanr(x[:-1], y[1:])[0] - stats.spearmanr(y[:-1], x[1:])[0])


def pooled_correlation(runs, tensor, statistic, variant):
    """rank_correlation() over the layers of all nets of one seed together."""
    pairs = [error_pairs(run, tensor, statistic, variant) for run in runs]
    return float(stats.spearmanr(*(np.concatenate(part) for part in zip(*pairs)))[0])


def spread_ratio(runs, variant):
    """log2 (s_variant / s_float), s the sample standard deviation over the runs of one seed of the accuracy: over 0 where
    what differs between the runs moves the quantized accuracy more than the float one.
    """
    if len(runs) < 3:
        raise Missing(f"{len(runs)} runs of a seed, at least 3 are needed")
    quantized, before = (np.std([run.number("accuracy", name) for run in runs], ddof=1) for name in (variant, FLOAT))
    if not before > 0 or not quantized > 0:
        raise Missing("no spread of accuracies")
    return float(np.log2(quantized / before))


def explained_variance(values):
    """Epsilon squared (Kelley 1935) of `values` [seed, level]: the share of the variance that the levels explain,
    (S_between - (k - 1) M_within) / S_total for k levels; 0 on average where they explain nothing, and 1 at most.
    """
    values = np.asarray(values, float)
    seeds, levels = values.shape
    between = seeds * np.sum((values.mean(0) - values.mean()) ** 2)
    total = np.sum((values - values.mean()) ** 2)
    within = (total - between) / (levels * (seeds - 1))
    return float((between - (levels - 1) * within) / total)


def pseudo_values(values):
    """Jackknife pseudo-values n T - (n - 1) T_(-i) of explained_variance() over the n seeds of `values` (Tukey 1958)."""
    values = np.asarray(values, float)
    n, whole = len(values), explained_variance(values)
    return [n * whole - (n - 1) * explained_variance(np.delete(values, seed, 0)) for seed in range(n)]


def level_of(run, key):
    """A swept key's value as an order: numbers as they are, "depthwise" after all of them; else its text."""
    value = run.key(key)
    return np.inf if value == "depthwise" else float(value)


OF_RUNS = {measure.__name__: measure for measure in (
    metric, layer_mean, layer_gap, rank_correlation, accumulation_slope, shift_slope, folding_widening, recovered_share,
    weights_share, error_share, breaking_bits, trend_over_training, lead)}
OF_SEEDS = {measure.__name__: measure for measure in (pooled_correlation, spread_ratio)}
