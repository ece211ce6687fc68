#!/usr/bin/python3
"""Takes the metrics of a quantized variant once more, in numpy, from what its result holds: raw tensors, weights, codes.

metrics_in_numpy.py QUANTDYN NETWORKS runs a small net, float and at 4 bits, whose test set is its probe images, and checks its
result; of the images that QUANTDYN_CIFAR10 names (the folder of the binary version), else of drawn ones, whose labels this script
does not know. Prints the largest deviations. Exit code 77, which Meson shows as skipped, where a package is missing.

The float tensors are those of the net as trained. They are the twin of a variant with `fold: false` to the last bit; the twin of
another variant has its norms folded, so the bound is wider there. Not checked: local and propagated errors of outputs, which need
tensors that a result does not keep.
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

IMAGES = 40
EXPERIMENT = """
name: metrics
data:
  source: {source}
network: {{file: {networks}/dws.yaml, width: 0.25}}
train: {{epochs: 1, batch_size: 64, schedule: {{name: constant, learning_rate: 0.05}}}}
track:
  probe_images: {images}
  statistics: [moments]
  tensors: {{nodes: [{nodes}], tensors: [output], images: {images}}}
variants:
  - {{name: plain, fold: false, weights: {{}}, activations: {{}}, bit_widths: [4, 8]}}
  - {{name: folded, weights: {{}}, activations: {{}}, bit_widths: [4]}}
  - {{name: channels, weights: {{quantizer: {{name: affine, bit_width: 4, granularity: per_channel}}}}, activations: {{}}}}
"""
NODES = ["input", "conv1"] + [f"sep{i}_{part}" for i in range(2, 7) for part in ("dw", "pw")] + ["pool", "logits"]
BOUND = 1e-9  # relative: float64 sums in another order
FOLDED_BOUND = 1e-4  # relative: float32 values that differ in their last bits, by folding


class Worst:
    """The largest deviation of each metric, as a share of its value or of its terms."""

    def __init__(self, name, bound):
        self.name, self.bound, self.by_name = name, bound, {}

    def note(self, name, found, expected, scale=None):
        """`scale`: the size of the terms that a difference was taken of."""
        found, expected = float(found), float(expected)
        if np.isnan(found) and np.isnan(expected) or found == expected:
            off = 0.0
        else:
            off = abs(found - expected) / max(abs(expected), scale or 0, 1e-300)
        assert not np.isnan(off), (name, found, expected)
        self.by_name[name] = max(self.by_name.get(name, 0.0), off)

    def check(self):
        name = max(self.by_name, key=self.by_name.get)
        print(f"{self.name:10} {len(self.by_name)} metrics, most off by {self.by_name[name]:.1e}: {name}")
        for name, off in self.by_name.items():
            assert off <= self.bound, (self.name, name, off)


def log_softmax(logits):
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def decibel(signal, noise):
    with np.errstate(divide="ignore"):
        return 10 * np.log10(signal / noise)


def errors(x, q):
    """{name: (value, scale)} of the quantized q beside its float twin x."""
    x, q = x.astype(float).ravel(), q.astype(float).ravel()
    noise = ((x - q) ** 2).sum()
    return {"qmse": (noise / x.size, 0), "sqnr": (decibel((x ** 2).sum(), noise), 0),
            "cosine": (x @ q / np.sqrt((x @ x) * (q @ q)), 0),
            "mean_shift": (q.mean() - x.mean(), np.abs(x).mean()), "variance_shift": (q.var() - x.var(), x.var())}


class Result:
    def __init__(self, file):
        self.file = file
        self.variants = [name.decode() for name in file["variant"][:]]
        self.layers = list(file["layer"].asstr())
        self.kinds = file["network/kind"].asstr()[:]
        self.node_of_channel = file["channelwise/output/node"].asstr()[:]

    def snapshot(self, variant):
        return len(self.variants) - 1 - self.variants[::-1].index(variant)

    def network(self, name, at):
        return self.file["networkwise"][name][at]

    def layer(self, path, at, layer):
        return self.file["layerwise"][path][at, self.layers.index(layer)]

    def raw(self, at, node):
        return self.file[f"tensors/{at}/{node}/output"][:]


def check_logits(result, at, base, labels, worst):
    x, q = (result.raw(i, result.layers[-1]).astype(float) for i in (base, at))
    p, r = np.exp(log_softmax(x)), np.exp(log_softmax(q))
    expected = {"logits_qmse": ((x - q) ** 2).mean(), "softmax_qmse": ((p - r) ** 2).mean(),
                "logits_sqnr": decibel((x ** 2).sum(), ((x - q) ** 2).sum()),
                "qce": -(p * log_softmax(q)).sum(1).mean(),
                "kl_divergence": (p * (log_softmax(x) - log_softmax(q))).sum(1).mean(),
                "agreement": (x.argmax(1) == q.argmax(1)).mean(), "nonfinite_images": 0}
    if labels is not None:
        expected["accuracy"] = (q.argmax(1) == labels).mean()
        expected["cross_entropy"] = -log_softmax(q)[np.arange(len(labels)), labels].mean()
    of_float, of_quantized = result.network("accuracy", base), result.network("accuracy", at)
    expected["relative_accuracy_decrease"] = (of_float - of_quantized) / of_float
    for name, value in expected.items():
        worst.note(name, result.network(name, at), value)


def check_outputs(result, at, base, worst):
    for node in result.layers:
        x, q = result.raw(base, node), result.raw(at, node)
        for name, (value, scale) in errors(x, q).items():
            worst.note(f"output accumulated_{name}", result.layer(f"output/accumulated_{name}", at, node), value, scale)
        added = result.layer("output/accumulated_qmse", at, node) - result.layer("output/propagated_qmse", at, node)
        worst.note("output added_qmse", result.layer("output/added_qmse", at, node), added)


def check_codes(result, variant, at, worst):
    for node, tensors in result.file[f"quantization/{variant}"].items():
        if "weight" not in tensors:
            continue
        group = tensors["weight"]
        codes, scale, zero = group["codes"][:].astype(int), group["scale"][:], group["zero_point"][:]
        first, bits = int(group.attrs["first_code"]), int(group.attrs["bit_width"])
        found = [name for name in result.file[f"weights/{at}"] if name == node or name == f"{node}.conv"]
        w = result.file[f"weights/{at}/{found[0]}/weight"][:].astype(np.float32)
        q = (codes - zero) * scale if scale.size > 1 else (codes - zero[0]) * scale[0]
        q = q.astype(np.float32)
        for name, (value, size) in errors(w, q).items():
            worst.note(f"weight local_{name}", result.layer(f"weight/local_{name}", at, node), value, size)
        check_quantizer(result, at, node, w.astype(float), q.astype(float), codes - first, bits, scale.size == 1, worst)


def check_quantizer(result, at, node, w, q, places, bits, has_one_range, worst):
    stored = lambda name: result.layer(f"weight/{name}", at, node)
    error = (w - q) ** 2
    worst.note("weight quantizer_qmse", stored("quantizer_qmse"), error.mean())
    low, high = places == 0, places == 2 ** bits - 1
    worst.note("weight saturated_low", stored("saturated_low"), low.mean())
    worst.note("weight saturated_high", stored("saturated_high"), high.mean())
    worst.note("weight saturation_rate", stored("saturation_rate"), (low | high).mean())
    worst.note("weight error parts", stored("clipping_error") + stored("rounding_error"), error.mean())
    counts = np.bincount(places.ravel(), minlength=2 ** bits).astype(float)
    share = counts[counts > 0] / counts.sum()
    worst.note("weight code_entropy", stored("code_entropy"), -(share * np.log2(share)).sum())
    worst.note("weight code_occupancy", stored("code_occupancy"), (counts > 0).mean())
    worst.note("weight dead_codes", stored("dead_codes"), (counts == 0).sum())
    if has_one_range:  # the distance of two samples of equal size is the mean distance of their sorted values
        distance = np.abs(np.sort(w.ravel()) - np.sort(q.ravel())).mean()
        assert abs(stored("wasserstein") - distance) <= stored("wasserstein_uncertainty") + 1e-9 * distance, node


def check_ranges(result, at, worst):
    """Ranges, precision and fluctuation, from the smallest and largest values that the result has; the net is a chain."""
    for tensor in ("weight", "folded_weight", "output"):
        stored = lambda name, node, tensor=tensor: result.layer(f"{tensor}/{name}", at, node)
        nodes = [node for node in result.layers if stored("count", node) > 0]
        ranges = np.array([stored("max", node) - stored("min", node) for node in nodes])
        steps = np.diff(np.log2(ranges))
        for i, node in enumerate(nodes):
            worst.note(f"{tensor} range", stored("range", node), ranges[i])
            worst.note(f"{tensor} log2_range", stored("log2_range", node), np.log2(ranges[i]), 1)
            worst.note(f"{tensor} log2_range_step", stored("log2_range_step", node), steps[i - 1] if i else np.nan, 1)
            mine = result.node_of_channel == node
            high, low = (result.file["channelwise"][tensor][end][at, mine].astype(float) for end in ("max", "min"))
            alive = (high - low)[high > low]
            worst.note(f"{tensor} channel_range_ratio", stored("channel_range_ratio", node), alive.max() / alive.min())
            worst.note(f"{tensor} channel_range_variation", stored("channel_range_variation", node),
                       alive.std() / alive.mean(), 1)
            if tensor == "folded_weight":
                worst.note("channel precision", stored("average_channel_precision", node), (alive / ranges[i]).mean())
                worst.note("dead channels", stored("dead_channels", node), (high == low).sum())
        worst.note(f"{tensor} range_fluctuation", result.network(f"{tensor}_range_fluctuation", at), np.log2(ranges).std())
        worst.note(f"{tensor} range_step", result.network(f"{tensor}_range_step", at), np.abs(steps).mean())


def check_result(path, labels_of=None):
    """`labels_of`: the labels of the images at these places of the test set; None: they are not known."""
    with h5py.File(path) as file:
        result = Result(file)
        base = result.snapshot("float32")
        labels = labels_of(file["images/probe"][:]) if labels_of else None
        for variant in sorted(set(result.variants) - {"float32"}):
            at = result.snapshot(variant)
            worst = Worst(variant, BOUND if variant.startswith("plain") else FOLDED_BOUND)
            check_logits(result, at, base, labels, worst)
            check_outputs(result, at, base, worst)
            check_codes(result, variant, at, worst)
            worst.check()
        worst = Worst("float32", BOUND)
        check_ranges(result, base, worst)
        worst.check()


def main(quantdyn, networks):
    source, labels_of = f"{{name: synthetic, train_images: 512, test_images: {IMAGES}}}", None
    if cifar := os.environ.get("QUANTDYN_CIFAR10"):
        source = f"{{name: subset, test_images: {IMAGES}, of: {{name: cifar10, directory: {cifar}}}}}"
        labels = np.fromfile(os.path.join(cifar, "test_batch.bin"), np.uint8).reshape(-1, 3073)[:, 0]
        labels_of = lambda places: labels[places]
    with tempfile.TemporaryDirectory() as folder:
        experiment, output = os.path.join(folder, "experiment.yaml"), os.path.join(folder, "run")
        with open(experiment, "w", encoding="utf-8") as f:
            f.write(EXPERIMENT.format(networks=networks, source=source, images=IMAGES, nodes=", ".join(NODES)))
        outcome = subprocess.run([quantdyn, "run", experiment, "--output", output], capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stderr
        check_result(os.path.join(output, "result.h5"), labels_of)


if __name__ == "__main__":
    main(*sys.argv[1:])
