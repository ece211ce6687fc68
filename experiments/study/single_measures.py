"""The statistics that claims.yaml names of nets without seeds, with what their tests need: an error, or a resample."""
import numpy as np
from scipy import stats

from measures import accumulated, chosen_layers, error_pairs, finite, recovered_share
from runs import FLOAT, Missing

# Of nets without seeds: by their test images, (value, standard error).


def loss_error(run, variant):
    """(relative decrease, its standard error, at most sqrt(d / n) / a_float): d is the share of n test images whose decision
    changes, 1 - agreement, for only these can change the accuracy.
    """
    changed = 1 - run.number("agreement", variant)
    return (run.number("relative_accuracy_decrease", variant),
            float(np.sqrt(changed / run.test_images) / run.number("accuracy", FLOAT)))


def relative_decrease(run, variant):
    """(relative_accuracy_decrease, standard error) of a variant."""
    return loss_error(run, variant)


def recovered(run, variant, base):
    """(recovered_share(), standard error): 1 - d / d_base, the errors of both decreases d as if they were independent,
    sqrt(e^2 + (d / d_base)^2 e_base^2) / d_base.
    """
    share = recovered_share(run, variant, base)
    (_, error), (lost, error_base) = loss_error(run, variant), loss_error(run, base)
    return share, float(np.hypot(error, (1 - share) * error_base) / lost)


# Of nets without seeds: by their layers, (a statistic of a resample's indices, number of layers).


def fluctuation(run, tensor):
    """Standard deviation of log2 range over layers, octaves: networkwise/<tensor>_range_fluctuation."""
    values = finite(run.layers(tensor, "log2_range", FLOAT), f"{tensor}/log2_range")
    return (lambda chosen: values[chosen].std()), len(values)


def precision_gap(run, kinds, less):
    """layer_gap() of the average channel precision of folded weights."""
    values = run.layers("folded_weight", "average_channel_precision", FLOAT)
    first, second = (chosen_layers(run, of) & np.isfinite(values) for of in (kinds, less))
    if not first.any() or not second.any():
        raise Missing("no folded_weight/average_channel_precision of both kinds of layers")

    def gap(chosen):
        return values[chosen][first[chosen]].mean() - values[chosen][second[chosen]].mean()

    return gap, len(values)


def precision_correlation(run, variant):
    """rank_correlation() of the average channel precision of folded weights and local SQNR."""
    x, y = error_pairs(run, "folded_weight", "average_channel_precision", variant)
    return (lambda chosen: stats.spearmanr(x[chosen], y[chosen])[0]), len(x)


def slope(run, variant):
    """accumulation_slope(), dB a layer."""
    places, values = accumulated(run, variant)
    return (lambda chosen: -np.polyfit(places[chosen], values[chosen], 1)[0]), len(places)


OF_IMAGES = {measure.__name__: measure for measure in (relative_decrease, recovered)}
OF_LAYERS = {measure.__name__: measure for measure in (fluctuation, precision_gap, precision_correlation, slope)}
