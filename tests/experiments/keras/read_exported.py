#!/usr/bin/python3
"""Checks the layout of an exported model with h5py: what Keras goes by, and the weights beside the result's.

read_exported.py QUANTDYN NETWORKS. Exit code 77, which Meson shows as skipped, where a package is missing.
"""
import json
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
name: a model
data:
  source: {{name: synthetic, train_images: 64, test_images: 16}}
network: {{file: {networks}/dws.yaml, width: 0.125}}
train: {{epochs: 1, batch_size: 32, schedule: {{name: constant, learning_rate: 0.05}}}}
track: {{probe_images: 8, statistics: []}}
"""


def text(value):
    return value.decode() if hasattr(value, "decode") else value


def export(quantdyn, networks, folder):
    experiment, output = os.path.join(folder, "experiment.yaml"), os.path.join(folder, "run")
    with open(experiment, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(networks=networks))
    result, model = os.path.join(output, "result.h5"), os.path.join(folder, "model.h5")
    for command in (["run", experiment, "--output", output], ["export", result, "--output", model]):
        subprocess.run([quantdyn, *command], check=True, capture_output=True)
    return result, model


def check_config(f):
    assert text(f.attrs["backend"]) == "tensorflow" and text(f.attrs["keras_version"]) == "2.4.0"
    model = json.loads(text(f.attrs["model_config"]))
    assert model["class_name"] == "Functional" and model["config"]["name"] == "a_model"
    layers = {layer["name"]: layer for layer in model["config"]["layers"]}
    assert model["config"]["input_layers"] == [["input", 0, 0]]
    assert model["config"]["output_layers"] == [["logits", 0, 0]]
    assert layers["input"]["class_name"] == "InputLayer" and layers["input"]["inbound_nodes"] == []
    assert layers["input"]["config"]["batch_input_shape"] == [None, 32, 32, 3]
    assert layers["sep2_dw"]["class_name"] == "DepthwiseConv2D"
    assert layers["sep2_dw"]["config"]["padding"] == "same"
    assert layers["sep2_pw"]["class_name"] == "Conv2D" and layers["sep2_pw"]["config"]["filters"] == 8
    norm = layers["sep2_dw_norm"]["config"]
    assert norm["epsilon"] == 1e-5 and norm["momentum"] == 0.9
    assert layers["sep2_dw_norm"]["inbound_nodes"] == [[["sep2_dw", 0, 0, {}]]]
    # stride 2 with a row of zeros on each side is no padding that Keras has
    assert layers["sep3_dw_conv_padding"]["class_name"] == "ZeroPadding2D"
    assert layers["sep3_dw_conv_padding"]["config"]["padding"] == [[1, 1], [1, 1]]
    assert layers["sep3_dw"]["config"]["padding"] == "valid"
    return [layer["name"] for layer in model["config"]["layers"]]


def check_weights(f, names, result):
    group = f["model_weights"]
    assert [text(n) for n in group.attrs["layer_names"]] == names
    for name in names:
        for path in group[name].attrs["weight_names"]:
            assert group[name][text(path)].dtype == np.float32
    assert len(group["pool"].attrs["weight_names"]) == 0
    saved = result["weights"][str(len(result["snapshot"]) - 1)]
    depthwise = group["sep2_dw/sep2_dw/depthwise_kernel:0"]
    assert depthwise.shape == (3, 3, 4, 1)
    assert np.array_equal(depthwise[..., 0], saved["sep2_dw.conv/weight"])
    assert np.array_equal(group["logits/logits/kernel:0"], saved["logits/weight"])
    norm = group["conv1_norm/conv1_norm"]
    for ours, theirs in (("gamma", "gamma"), ("beta", "beta"), ("running_mean", "moving_mean"),
                         ("running_variance", "moving_variance")):
        assert np.array_equal(norm[f"{theirs}:0"], saved[f"conv1.norm/{ours}"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        result, model = export(sys.argv[1], sys.argv[2], folder)
        with h5py.File(model) as f, h5py.File(result) as r:
            check_weights(f, check_config(f), r)


if __name__ == "__main__":
    main()
