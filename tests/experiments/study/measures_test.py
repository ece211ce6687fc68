#!/usr/bin/python3
"""Tests of the study's statistics on results made by hand.

measures_test.py FOLDER_OF_STUDY. Exit code 77, shown as skipped, where a package is missing.
"""
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5py  # noqa: F401
    import numpy as np
    import scipy  # noqa: F401
    import yaml  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py, python3-scipy and python3-yaml")
    sys.exit(77)

sys.path.insert(0, sys.argv[1])
import measures  # noqa: E402
import runs  # noqa: E402
import single_measures  # noqa: E402
from small_results import write  # noqa: E402

NAN = float("nan")


def near(value, expected, tolerance=1e-9):
    assert abs(value - expected) < tolerance, (value, expected)


def read(path):
    return runs.Read("member", [path], path.parent)


def fails(kind, call, words):
    try:
        call()
    except kind as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def a_mean_and_a_gap_over_layers_leave_out_what_has_no_value(folder):
    precision = [[NAN, 0.9, 0.2, 0.6, 0.4, 0.8, 0.5]] * 2
    run = read(write(folder, layerwise={"folded_weight/average_channel_precision": precision}))
    near(measures.layer_mean(run, "folded_weight", "average_channel_precision"), 3.4 / 6)
    near(measures.layer_mean(run, "folded_weight", "average_channel_precision", ending="_dw"), 0.3)
    near(measures.layer_gap(run, "folded_weight", "average_channel_precision", ["pointwise"], ["depthwise"]), 0.4)
    fails(runs.Missing, lambda: measures.layer_mean(run, "folded_weight", "average_js_to_layer_excess"),
          "no dataset layerwise/folded_weight/average_js_to_layer_excess")


def ranks_of_precision_and_error_are_correlated(folder):
    run = read(write(folder, layerwise={
        "folded_weight/average_channel_precision": [[NAN, 0.9, 0.2, 0.6, 0.4, 0.8, 0.5]] * 2,
        "output/local_sqnr": [[NAN] * 7, [50, 49, 20, 30, 25, 40, 28]]}))
    near(measures.rank_correlation(run, "folded_weight", "average_channel_precision", "minmax-8"), 1)
    near(measures.pooled_correlation([run, run], "folded_weight", "average_channel_precision", "minmax-8"), 1)
    statistic, size = single_measures.precision_correlation(run, "minmax-8")
    assert size == 6
    near(statistic(np.array([0, 1, 2, 3])), 1)


def error_grows_by_the_slope_of_its_decibels(folder):
    run = read(write(folder, layerwise={"output/accumulated_sqnr": [[NAN] * 7, [50, 47, 44, float("inf"), 38, 35, 32]]}))
    near(measures.accumulation_slope(run, "minmax-8"), 3)
    near(measures.accumulation_slope(run, "minmax-8", over="depth"), 18)
    statistic, size = single_measures.slope(run, "minmax-8")
    near(statistic(np.arange(size)), 3)


def shift_is_that_of_the_channels_means(folder):
    # Two channels a layer: E[x^2] is 1 + 0 and 0 + 1; both shift by 0.1 times the layer's place.
    shift = [0.1 * layer for layer in range(7) for _ in range(2)]
    run = read(write(folder, channels=2, channelwise={
        "output/variance": [[1, 0] * 7] * 2, "output/mean": [[0, 1] * 7] * 2,
        "output/accumulated_mean_shift": [[NAN] * 14, shift]}))
    near(measures.shift_slope(run, "minmax-8"), 0.6)  # sqrt(2 s^2 / 2) = s, from 0 to 0.6


def folding_widens_by_octaves(folder):
    run = read(write(folder, layerwise={"weight/log2_range": [[NAN, 0, 0, 0, 0, 0, 0]] * 2,
                                             "folded_weight/log2_range": [[NAN, 1, 3, 1, 5, 1, 1]] * 2}))
    near(measures.folding_widening(run), 2)
    near(measures.folding_widening(run, ["depthwise"], ["pointwise"]), 3)


def a_share_is_recovered_of_what_was_lost(folder):
    run = read(write(folder, variants=("float32", "minmax-8", "per_channel-8", "minmax-6"), networkwise={
        "accuracy": [0.8, 0.4, 0.7, 0.799], "agreement": [NAN, 0.36, 0.75, 1],
        "relative_accuracy_decrease": [NAN, 0.5, 0.125, 0.00125]}))
    near(measures.recovered_share(run, "per_channel-8", "minmax-8"), 0.75)
    fails(measures.Idle, lambda: measures.recovered_share(run, "per_channel-8", "minmax-6"), "minmax-6 loses 0.13%")
    value, error = single_measures.relative_decrease(run, "minmax-8")
    near(value, 0.5)
    near(error, np.sqrt(0.64 / 400) / 0.8)
    value, error = single_measures.recovered(run, "per_channel-8", "minmax-8")
    near(value, 0.75)
    near(error, np.hypot(np.sqrt(0.25 / 400) / 0.8, 0.25 * np.sqrt(0.64 / 400) / 0.8) / 0.5)


def weights_and_activations_share_a_loss(folder):
    run = read(write(folder, variants=("float32", "minmax-8", "weights_only-8", "activations_only-8", "minmax-4"), networkwise={
        "relative_accuracy_decrease": [NAN, 0.5, 0.4, 0.1, 0.001]}))
    near(measures.weights_share(run, 8), 0.6)
    fails(measures.Idle, lambda: measures.weights_share(run, 4), "minmax-4 loses 0.10%")


def a_kind_of_layers_has_its_share_of_the_error(folder):
    run = read(write(folder, layerwise={
        "weight/sensitivity_only_logits_qmse": [[NAN] * 7, [NAN, 1, 3, 1, 3, 1, 1]],
        "output/sensitivity_only_logits_qmse": [[NAN] * 7, [1, 1, 1, 1, 1, 1, 0]]}))
    near(measures.error_share(run, "minmax-8", ["depthwise"]), 8 / 16)


def bits_where_a_decrease_is_passed_are_interpolated(folder):
    names = ("float32", "minmax-12", "minmax-8", "minmax-4", "minmax-2", "other-6")
    run = read(write(folder, variants=names, networkwise={"relative_accuracy_decrease": [NAN, 0, 0.02, 0.10, 0.60, 0.9]}))
    near(measures.breaking_bits(run, 0.06), 6)
    near(measures.breaking_bits(run, 0.01), 10)
    near(measures.breaking_bits(run, 0.35), 3)
    near(measures.breaking_bits(run, 0.7), 2)
    fails(runs.Missing, lambda: measures.breaking_bits(run, -0.1), "at 12 bits already")


def initializers_spread_accuracies(folder):
    made = [read(write(folder / str(index), networkwise={"accuracy": [0.8 + 0.01 * index, 0.5 + 0.04 * index]}))
            for index in range(3)]
    near(measures.spread_ratio(made, "minmax-8"), 2)
    fails(runs.Missing, lambda: measures.spread_ratio(made[:2], "minmax-8"), "2 runs of a seed")


def levels_explain_variance(_):
    near(measures.explained_variance([[1, 2, 3], [1, 2, 3]]), 1)
    # Mean 2; between 2 (1 + 0 + 1) = 4, total 1 + 1 + 2.25 + 0.25 = 4.5, within 0.5 / 3.
    near(measures.explained_variance([[1, 2, 3.5], [1, 2, 2.5]]), (4 - 2 * 0.5 / 3) / 4.5)
    noise = np.random.Generator(np.random.PCG64(1)).normal(size=(400, 5, 8))
    near(np.mean([measures.explained_variance(table) for table in noise]), 0, 0.02)
    assert len(measures.pseudo_values([[1, 2, 3], [1, 2, 4], [1, 3, 3]])) == 3


def series(folder, **metrics):
    """A run with a snapshot an epoch, float and quantized, and one before training."""
    times = len(next(iter(metrics.values())))
    return read(write(folder, variants=("float32", *["float32", "minmax-8"] * times), epochs=[0, *np.repeat(range(1, times + 1), 2)],
                      networkwise={name: [-1, *np.repeat(values, 2)] for name, values in metrics.items()}))


def metrics_have_trends_over_training(folder):
    run = series(folder, accuracy=[0.1, 0.2, 0.4, 0.5], fluctuation=[4, 3, 2, 1])
    assert list(run.epochs) == [1, 2, 3, 4]
    near(measures.trend_over_training(run, "accuracy"), 1)
    near(measures.trend_over_training(run, "fluctuation"), -1)
    plain = read(write(folder / "plain"))
    fails(runs.Missing, lambda: measures.trend_over_training(plain, "accuracy"), "1 snapshots over training, at least 4 are needed")


def what_moves_first_leads(folder):
    steps = [1, 2, 8, 7, 1.5, 2.5, 9, 6]
    leader = np.cumsum([0, *steps])
    follower = np.cumsum([0, 6, *steps[:-1]])  # the same steps, one snapshot later
    run = series(folder, leader=leader, follower=follower)
    assert measures.lead(run, "leader", "follower", "minmax-8") > 1
    assert measures.lead(run, "follower", "leader", "minmax-8") < -1


def a_metric_that_is_nan_is_missing(folder):
    run = read(write(folder, networkwise={"accuracy": [0.5, NAN]}))
    fails(runs.Missing, lambda: measures.metric(run, "accuracy", "minmax-8"), "networkwise/accuracy of minmax-8 is NaN")
    fails(runs.Missing, lambda: measures.metric(run, "accuracy", "minmax-4"), "no variant minmax-4")


def runs_are_chosen_by_net_and_config(folder):
    write(folder / "norms" / "x", network={"norm": True})
    write(folder / "norms" / "y", network={"norm": "false"})
    write(folder / "families" / "z", net="regular", seed=3)
    groups = runs.load(folder)
    assert list(runs.chosen(groups["families"], "regular")) == [3] and not runs.chosen(groups["families"], "dws")
    assert runs.chosen(groups["norms"], "dws", {"network.norm": False})[0].member == "y"
    fails(runs.UserError, lambda: runs.chosen(groups["norms"], "dws"), "both of seed 0")


def groups_of_variants_are_one_run(folder):
    write(folder / "imagenet" / "v1" / "headline", networkwise={"accuracy": [0.9, 0.1]})
    write(folder / "imagenet" / "v1" / "repairs", variants=("float32", "equalize-8"), networkwise={"accuracy": [0.9, 0.8]})
    (run,) = runs.load(folder)["imagenet"]
    near(run.number("accuracy", "equalize-8"), 0.8)
    near(run.number("accuracy", "minmax-8"), 0.1)


FACTS = (a_mean_and_a_gap_over_layers_leave_out_what_has_no_value, ranks_of_precision_and_error_are_correlated,
         error_grows_by_the_slope_of_its_decibels, shift_is_that_of_the_channels_means, folding_widens_by_octaves,
         a_share_is_recovered_of_what_was_lost, weights_and_activations_share_a_loss, a_kind_of_layers_has_its_share_of_the_error,
         bits_where_a_decrease_is_passed_are_interpolated, initializers_spread_accuracies, levels_explain_variance,
         metrics_have_trends_over_training, what_moves_first_leads, a_metric_that_is_nan_is_missing,
         runs_are_chosen_by_net_and_config, groups_of_variants_are_one_run)
for fact in FACTS:
    with tempfile.TemporaryDirectory() as name:
        fact(pathlib.Path(name))
    print(fact.__name__)
