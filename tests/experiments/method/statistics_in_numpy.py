#!/usr/bin/python3
"""Takes every statistic of a result once more, in numpy, from the raw tensors that it holds.

statistics_in_numpy.py QUANTDYN NETWORKS runs a small net and checks its result; of the images that QUANTDYN_CIFAR10 names (the
folder of the binary version), else of drawn ones. statistics_in_numpy.py RESULT checks a result whose `track.tensors` took all
probe images. Prints the largest deviations. Exit code 77, which Meson shows as skipped, where a package is missing.
"""
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py")
    sys.exit(77)

EXPERIMENT = """
name: numpy
data:
  source: {source}
network: {{file: {networks}/dws.yaml, width: 0.25}}
train: {{epochs: 1, batch_size: 64, schedule: {{name: constant, learning_rate: 0.05}}}}
track:
  probe_images: 40
  epochs: [0, 1]
  gradients: {{images: 40, channel_histograms: true}}
  statistics: [moments, histogram, signs, {{name: quantiles, exact: {exact}}}]
  tensors:
    nodes: [input, conv1, sep2_dw, sep2_pw, sep5_dw, sep6_pw, logits]
    tensors: [conv, norm, output, conv_gradient, norm_gradient, output_gradient, weight_gradient]
    images: 40
variants:
  - {{name: int4, weights: {{}}, activations: {{}}, bit_widths: [4]}}
"""
SINGLE = 2.0 ** -23  # channelwise numbers are stored as float32


class Worst:
    """The largest deviation of each statistic, in units of what it may be off by."""

    def __init__(self):
        self.by_name = {}
        self.arrays = 0

    def note(self, name, found, expected, unit, rounding):
        both_missing = np.isnan(found) & np.isnan(expected)
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.abs(found - expected) - rounding * np.abs(expected)
            off = np.where(both_missing | (found == expected), 0, np.maximum(off, 0) / unit)
        assert not np.isnan(off).any(), name
        self.by_name[name] = max(self.by_name.get(name, 0), float(np.max(off)))

    def check(self):
        for name, off in sorted(self.by_name.items()):
            print(f"{name:24} {off:.1e}")
        for name, off in self.by_name.items():
            assert off <= 1e-9, name


def compare(group, at, values, edges, rounding, worst):
    """values: [rows, channels], or [values, 1] of a layer; at: where in the group's arrays they are."""
    stored = {name: group[name][at] for name in group if name not in LABELS}
    values = values.astype(float)
    count = values.shape[0]

    def exactly(name, expected):
        assert np.array_equal(np.squeeze(stored[name]), np.squeeze(expected), equal_nan=True), (group.name, name, at)

    exactly("count", np.full(values.shape[1], count))
    exactly("nan_count", np.isnan(values).sum(0))
    exactly("infinity_count", np.isinf(values).sum(0))
    exactly("min", values.min(0))
    exactly("max", values.max(0))
    exactly("absolute_max", np.abs(values).max(0))
    mean = values.mean(0)
    m2, m3, m4 = (((values - mean) ** k).mean(0) for k in (2, 3, 4))
    std = np.sqrt(m2)
    where = std > 0
    unit = np.where(where, std, 1)
    found = {name: np.atleast_1d(stored[name]) for name in
             ("mean", "variance", "std", "skewness", "kurtosis", "l1_norm", "l2_norm")}
    worst.note("mean", found["mean"], mean, unit, rounding)
    worst.note("m2", found["variance"], m2, unit ** 2, rounding)
    worst.note("std", found["std"], std, unit, rounding)
    assert np.isnan(found["skewness"][~where]).all() and np.isnan(found["kurtosis"][~where]).all()
    worst.note("m3", found["skewness"][where], (m3 / unit ** 3)[where], 1, rounding)
    worst.note("m4", found["kurtosis"][where], (m4 / unit ** 4)[where], 1, rounding)
    l1, l2 = np.abs(values).sum(0), np.sqrt((values ** 2).sum(0))
    worst.note("l1_norm", found["l1_norm"], l1, np.where(l1 > 0, l1, 1), rounding)
    worst.note("l2_norm", found["l2_norm"], l2, np.where(l2 > 0, l2, 1), rounding)
    worst.note("zero_fraction", np.atleast_1d(stored["zero_fraction"]), (values == 0).mean(0), 1, rounding)
    worst.note("negative_fraction", np.atleast_1d(stored["negative_fraction"]), (values < 0).mean(0), 1, rounding)
    if "histogram" in stored:
        histogram = np.stack([counted(column, edges) for column in values.T.astype(np.float32)])
        exactly("histogram", histogram)
    check_quantiles(stored, values, rounding)
    worst.arrays += 1


def counted(values, edges):
    """On the file's own edges; every bin closes at the edge that is nearer to zero."""
    lower, upper = edges
    zero = int(np.flatnonzero((lower == 0) & (upper == 0))[0])
    out = np.zeros(len(lower), np.int64)
    out[zero] = (values == 0).sum()
    positive = np.flatnonzero(lower[zero + 1:-1] < np.inf) + zero + 1
    places = np.searchsorted(lower[positive], values[values > 0], side="right") - 1
    out[positive] += np.bincount(places, minlength=len(positive))
    negative = positive - 2 * (positive - zero)  # as far on the other side
    places = np.searchsorted(-upper[negative], -values[values < 0], side="right") - 1
    out[negative] += np.bincount(places, minlength=len(negative))
    return out


def check_quantiles(stored, values, rounding):
    expected = np.quantile(values, FRACTIONS, axis=0).T
    found, lower, upper = (np.atleast_2d(stored[name]).astype(float) for name in
                           ("quantiles", "quantile_lower", "quantile_upper"))
    slack = 2 * rounding * np.abs(expected) + 1e-15
    assert (lower <= expected + slack).all() and (expected <= upper + slack).all()
    assert (lower <= found + slack).all() and (found <= upper + slack).all()
    if EXACT:
        assert (np.abs(found - expected) <= slack).all()


def check_result(path):
    global LABELS, FRACTIONS, EXACT
    worst = Worst()
    with h5py.File(path) as f:
        LABELS = {name for name in f if isinstance(f[name], h5py.Dataset)}
        FRACTIONS = f["quantile"][:]
        EXACT = b"exact: true" in f["config/resolved"][()]
        layers = list(f["layer"].asstr())
        nodes = f["channelwise/output/node"].asstr()[:]
        for snapshot, by_node in f["tensors"].items():
            for node, tensors in by_node.items():
                for tensor, raw in tensors.items():
                    axis = "gradient_bin" if tensor.endswith("gradient") else "bin"
                    edges = f[f"{axis}_lower"][:], f[f"{axis}_upper"][:]
                    values = raw[:].reshape(-1, raw.shape[-1])
                    at = int(snapshot), layers.index(node)
                    compare(f["layerwise"][tensor], at, values.reshape(-1, 1), edges, 1e-15, worst)
                    channels = np.flatnonzero(nodes == node)
                    at = int(snapshot), slice(channels[0], channels[-1] + 1)
                    compare(f["channelwise"][tensor], at, values, edges, SINGLE, worst)
    print(f"{os.path.basename(path)}: {worst.arrays} distributions of layers and of their channels, exact quantiles: {EXACT}")
    worst.check()
    assert worst.arrays > 0


def run(quantdyn, networks, exact, folder):
    cifar = os.environ.get("QUANTDYN_CIFAR10")
    source = f"{{name: cifar10, directory: {cifar}}}" if cifar else "{name: synthetic, train_images: 512, test_images: 64}"
    experiment, output = os.path.join(folder, "experiment.yaml"), os.path.join(folder, "run")
    with open(experiment, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(networks=networks, source=source, exact=exact))
    outcome = subprocess.run([quantdyn, "run", experiment, "--output", output], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return os.path.join(output, "result.h5")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        check_result(sys.argv[1])
        sys.exit()
    for exact in ("false", "true"):
        with tempfile.TemporaryDirectory() as folder:
            check_result(run(sys.argv[1], sys.argv[2], exact, folder))
