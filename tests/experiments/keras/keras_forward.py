#!/usr/bin/env python3
"""Compares logits with Keras', both ways: nets that quantdyn exported, and Keras models that it imports.

usage: keras_forward.py QUANTDYN FORWARD NETWORKS [MODEL.h5 ...]

QUANTDYN is the program, FORWARD the one of forward.cpp, NETWORKS the folder of network files; models are compared as
they are. Needs Keras 3 with TensorFlow, numpy and h5py; where they are missing it exits with 77, which Meson shows as
skipped. The bound is 1e-5 of the largest logit; an exported net, imported again, must give the same bits.
"""
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
try:
    import h5py
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

tf.get_logger().setLevel("ERROR")
BOUND = 1e-5
IMAGES = 19

EXPERIMENT = """
data:
  source: {{name: synthetic, train_images: 256, test_images: 16}}
network: {network}
train: {{epochs: 2, batch_size: 32, schedule: {{name: constant, learning_rate: 0.05}}}}
track: {{probe_images: 8, statistics: []}}
"""

POOLS = """
input: [32, 32, 3]
nodes:
  - conv2d: {name: c1, channels: 8, kernel: [3, 5], padding: [0, 1, 2, 3]}
  - average_pool: {name: counted, kernel: 3, stride: 2, padding: 1, count_padding: true}
  - conv2d: {name: c2, channels: 8, kernel: 3, stride: [2, 1], padding: valid, groups: 2}
  - relu: {name: r2}
  - max_pool: {name: behind_relu, kernel: 3, stride: 2, padding: 1}
  - conv2d: {name: c3, channels: 16, kernel: 3, padding: same}
  - max_pool: {name: same_max, kernel: 3, stride: 2, padding: same}
  - average_pool: {name: same_average, kernel: 2, stride: 1, padding: same}
  - flatten: {name: flat}
  - dense: {name: hidden, units: 12, bias: false}
  - batch_norm: {name: hidden_norm}
  - relu6: {name: hidden_relu}
  - dense: {name: logits, units: 10}
"""

EXPORTED = {
    "regular": "{file: FOLDER/regular.yaml}",
    "regular without norm": "{file: FOLDER/regular.yaml, width: 0.25, norm: false}",
    "regular of 4 groups": "{file: FOLDER/regular.yaml, width: 0.25, groups: 4}",
    "dws": "{file: FOLDER/dws.yaml}",
    "dws, bare between": "{file: FOLDER/dws.yaml, width: 0.25, between_norm: false, between_activation: false}",
    "mobilenet_v1": "{file: FOLDER/mobilenet_v1.yaml, alpha: 0.5}",
    "mobilenet_v1 with relu6": "{file: FOLDER/mobilenet_v1.yaml, alpha: 0.5, activation: relu6, stem_stride: 2}",
    "residual": "{file: FOLDER/residual.yaml}",
    "inverted_residual": "{file: FOLDER/inverted_residual.yaml}",
    "pools": "{file: pools.yaml}",
}


def chain(*stages):
    """A functional model of stages, layers or functions of a tensor."""
    x = first = keras.Input((20, 18, 3))
    for stage in stages:
        x = stage(x)
    return keras.Model(first, x)


def residual_branches(x):
    x = layers.Conv2D(8, 3, padding="same")(x)
    a = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x))
    b = layers.Conv2D(8, 1)(x)
    return layers.ReLU()(layers.Add()([x, b, a]))


IMPORTED = {
    "conv same and valid": lambda: chain(
        layers.Conv2D(8, (3, 5), strides=2, padding="same", activation="relu"), layers.Conv2D(8, 4, strides=(1, 2)),
        layers.Flatten(), layers.Dense(5)),
    "groups": lambda: chain(
        layers.Conv2D(8, 3), layers.Conv2D(16, 3, groups=4, padding="same"), layers.ReLU(),
        layers.GlobalAveragePooling2D(), layers.Dense(5)),
    "depthwise, separable": lambda: chain(
        layers.Conv2D(8, 3, use_bias=False), layers.BatchNormalization(scale=False), layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False), layers.BatchNormalization(center=False),
        layers.Activation("relu6"), layers.SeparableConv2D(12, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(5)),
    "zero padding": lambda: chain(
        layers.ZeroPadding2D(((0, 1), (2, 0))), layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.ZeroPadding2D(1), layers.MaxPooling2D(3, strides=2), layers.ZeroPadding2D(1), layers.DepthwiseConv2D(3),
        layers.ZeroPadding2D(1), layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(5)),
    "pools": lambda: chain(
        layers.Conv2D(8, 3), layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.AveragePooling2D(2, strides=1, padding="same"), layers.AveragePooling2D((2, 1)),
        layers.Reshape((-1,)), layers.Dense(7, activation="relu"), layers.Dense(5)),
    "convolution as classifier": lambda: chain(
        layers.Conv2D(8, 3, activation="relu"), layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(5, 1),
        layers.Reshape((5,))),
    "branches": lambda: chain(residual_branches, residual_branches, layers.GlobalAveragePooling2D(), layers.Dense(5)),
    "sequential": lambda: keras.Sequential([
        keras.Input((20, 18, 3)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.Activation("relu"),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5, activation="softmax")]),
}


class Workplace:
    def __init__(self, quantdyn, forward, networks, folder):
        self.quantdyn, self.forward, self.networks = (os.path.abspath(p) for p in (quantdyn, forward, networks))
        self.folder, self.failures = folder, 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, *command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def logits(self, net, x):
        with h5py.File(self.path("images.h5"), "w") as f:
            f["x"] = x
        self.call(self.forward, net, "images.h5", "logits.h5")
        with h5py.File(self.path("logits.h5")) as f:
            return f["logits"][:]

    def report(self, name, ours, theirs, same_bits=True):
        difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
        good = difference < BOUND and same_bits
        self.failures += not good
        print(f"{name:<42} {difference:.1e}{'' if same_bits else '  imported again: other bits'}"
              f"{'' if good else '  FAILED'}", flush=True)

    def export(self, name, network):
        with open(self.path("experiment.yaml"), "w", encoding="utf-8") as f:
            f.write(EXPERIMENT.format(network=network.replace("FOLDER", self.networks)))
        with open(self.path("pools.yaml"), "w", encoding="utf-8") as f:
            f.write(POOLS)
        result, model = self.path("run/result.h5"), self.path("model.h5")
        self.call(self.quantdyn, "run", "experiment.yaml", "--output", "run", "--force", "--quiet")
        self.call(self.quantdyn, "export", result, "--output", model, "--force")
        loaded = keras.models.load_model(model, compile=False)
        x = np.random.default_rng(1).normal(size=(IMAGES, *loaded.input_shape[1:])).astype(np.float32)
        ours = self.logits(result, x)
        self.report(f"exported: {name}", ours, loaded.predict(x, verbose=0),
                    np.array_equal(ours, self.logits(model, x)))

    def compare_model(self, name, path, model):
        """A softmax at the end is left out of both."""
        last = model.layers[-1]
        if getattr(last, "activation", None) is keras.activations.softmax:
            last.activation = keras.activations.linear
            model = keras.Model(model.inputs, last(last.input))
        x = np.random.default_rng(2).uniform(0, 1, (IMAGES, *model.input_shape[1:])).astype(np.float32)
        self.report(f"imported: {name}", self.logits(path, x), model.predict(x, verbose=0))


class DepthwiseConv2D(layers.DepthwiseConv2D):
    """As Keras 2 saved it: with groups, which Keras 3 does not know."""

    def __init__(self, groups=1, **others):
        super().__init__(**others)


def with_values(model):
    """Norms and biases that do something, no two of them alike."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        if weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def main(quantdyn, forward, networks, models):
    keras.utils.set_random_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(quantdyn, forward, networks, folder)
        for name, network in EXPORTED.items():
            place.export(name, network)
        for name, make in IMPORTED.items():
            model = with_values(make())
            model.save(place.path("keras.h5"))
            place.compare_model(name, place.path("keras.h5"), model)
        for path in models:
            model = keras.models.load_model(path, {"DepthwiseConv2D": DepthwiseConv2D}, compile=False)
            place.compare_model(os.path.basename(path), os.path.abspath(path), model)
    return 1 if place.failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
