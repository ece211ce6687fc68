#!/usr/bin/env python3
"""Compares logits with onnxruntime's on the same images: the nets of imagenet-sample on real ones, and small models.

    onnx_forward.py FORWARD [FOLDER of imagenet-sample] [--images N] [--python PATH] [--quantized]

FORWARD is tests/experiments/keras/forward.cpp. Exit code 77, a skipped test, where there is no onnxruntime. Small
models are made with onnx, and with torch, tf2onnx and Keras where they are installed; what is missing is named.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile

try:
    import h5py
    import numpy as np
    import onnx
    import onnx.version_converter
    import onnxruntime
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

IMAGES = 9
BOUND = 2e-5  # of the largest logit
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def as_is(x):
    return x


def of_slim(pixels):
    return pixels / np.float32(127.5) - 1


def of_torchvision(pixels):
    return (pixels / np.float32(255) - MEAN) / DEVIATION


NETS = {"mobilenet_v1": (of_slim, 1), "mobilenet_v2": (of_torchvision, 0), "efficientnet_lite0": (of_torchvision, 0)}


class Forward:
    def __init__(self, program, folder):
        self.program, self.folder, self.failures = os.path.abspath(program), folder, 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def ours(self, model, x, *quantized):
        """x [N,H,W,C]; the model's own scales, or those of a quantized one."""
        with h5py.File(self.path("images.h5"), "w") as f:
            f["x"] = x
        subprocess.run([self.program, model, self.path("images.h5"), self.path("logits.h5"), *quantized], check=True,
                       capture_output=True)
        with h5py.File(self.path("logits.h5")) as f:
            return f["logits"][:]

    def report(self, name, ours, theirs, note=""):
        assert ours.shape == theirs.shape, f"{name}: {ours.shape}, onnxruntime {theirs.shape}"
        difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
        good = difference < BOUND
        self.failures += not good
        print(f"{name:<45} {difference:.1e}{note}{'' if good else '  FAILED'}", flush=True)


def run_onnx(model, x, channels_last=False, optimized=True):
    """One image at a time where the batch is fixed. Not optimized: quantized models compute in float, as they say."""
    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    x = x if channels_last else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    step = entry.shape[0] if isinstance(entry.shape[0], int) else 16
    out = [session.run(None, {entry.name: x[i:i + step]})[0] for i in range(0, len(x), step)]
    return np.concatenate(out).reshape(len(x), -1)


def real_images(folder, count):
    from PIL import Image

    with tarfile.open(os.path.join(folder, "images.tar")) as tar:
        names = {os.path.basename(m.name): m for m in tar.getmembers() if m.isfile()}
        rows = [line.split() for line in tar.extractfile(names["labels.txt"]).read().decode().splitlines()]
        pixels, labels = [], []
        for name, label, *_ in rows[:: max(1, len(rows) // count)][:count]:
            image = Image.open(io.BytesIO(tar.extractfile(names[os.path.basename(name)]).read())).convert("RGB")
            pixels.append(np.asarray(image, np.float32))
            labels.append(int(label))
    return np.stack(pixels), np.array(labels)


def compare_nets(forward, folder, count):
    pixels, labels = real_images(folder, count)
    for name, (prepare, offset) in NETS.items():
        model = os.path.join(folder, name + ".onnx")
        x = prepare(pixels)
        ours, theirs = forward.ours(model, x), run_onnx(model, x)
        top1 = [(logits.argmax(1) == labels + offset).mean() for logits in (ours, theirs)]
        forward.report(f"{name}, {len(x)} images", ours, theirs, f"  top-1 {top1[0]:.3f}, onnxruntime {top1[1]:.3f}")


def quantize(path, into, x, per_channel):
    """By onnxruntime, in QDQ form: uint8 activations by min-max over x [N,H,W,C], int8 weights."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = iter(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))

        def get_next(self):
            image = next(self.left, None)
            return None if image is None else {"image": image[None]}

    folded = into + ".folded"
    quant_pre_process(path, folded, skip_symbolic_shape=True)
    quantization.quantize_static(folded, into, Reader(), quant_format=quantization.QuantFormat.QDQ,
                                 per_channel=per_channel, activation_type=quantization.QuantType.QUInt8,
                                 weight_type=quantization.QuantType.QInt8)


def step_of_logits(path):
    model = onnx.load(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
    return float(onnx.numpy_helper.to_array(constants[last.input[1]]))


def compare_quantized(forward, folder, count):
    """Nets with onnxruntime's scales beside onnxruntime itself, and beside its plain run of the same model."""
    pixels, labels = real_images(folder, max(count, 32))
    for name, (prepare, offset) in NETS.items():
        x, quantized = prepare(pixels), forward.path("quantized.onnx")
        for per_channel in (False, True):
            quantize(os.path.join(folder, name + ".onnx"), quantized, x[:32], per_channel)
            theirs, plain = run_onnx(quantized, x[:count]), run_onnx(quantized, x[:count], optimized=False)
            ours = forward.ours(os.path.join(folder, name + ".onnx"), x[:count], quantized)
            steps = [np.abs(logits - theirs) / step_of_logits(quantized) for logits in (ours, plain)]
            top1 = [(logits.argmax(1) == labels[:count] + offset).mean() for logits in (ours, theirs)]
            print(f"{name}, weights per {'channel' if per_channel else 'tensor'}, {count} images: top-1 {top1[0]:.3f}, "
                  f"onnxruntime {top1[1]:.3f}; difference {steps[0].mean():.2f}, at most {steps[0].max():.0f} steps of "
                  f"the logits; of onnxruntime from itself {steps[1].mean():.2f}, {steps[1].max():.0f}", flush=True)


def after_last(model, logits):
    """What the model does to its logits at the end, which import leaves out."""
    last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    share = exponents / exponents.sum(1, keepdims=True)
    return share if last.op_type == "Softmax" else np.log(share) if last.op_type == "LogSoftmax" else logits


def compare_model(forward, path):
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    entry = next(value for value in model.graph.input if value.name not in constants)
    sizes = [d.dim_value for d in entry.type.tensor_type.shape.dim][1:]
    channels_last = sizes[0] not in (1, 3)
    h, w, c = sizes if channels_last else (*sizes[1:], sizes[0])
    x = np.random.default_rng(2).normal(0, 1, (IMAGES, h, w, c)).astype(np.float32)
    try:
        ours = forward.ours(path, x)
    except subprocess.CalledProcessError as error:
        forward.failures += 1
        print(f"{os.path.basename(path):<45} FAILED: {error.stderr.decode().strip()}")
        return
    forward.report(os.path.basename(path), after_last(model, ours), run_onnx(path, x, channels_last))


def make_models(folder, pythons):
    """By torch, tf2onnx and Keras, in the first interpreter that has them."""
    here = os.path.dirname(os.path.abspath(__file__))
    for maker in ("make_torch_models.py", "make_keras_models.py"):
        for python in pythons:
            made = subprocess.run([python, os.path.join(here, maker), folder], capture_output=True, text=True, check=False)
            if made.returncode == 0:
                break
        else:
            print(f"{maker}: left out: {(made.stdout or made.stderr).strip().splitlines()[-1]}")


def add_newer(folder):
    """Some of the models in the newest opset that onnx knows."""
    newest = onnx.defs.onnx_opset_version()
    for name in sorted(os.listdir(folder)):
        if name.startswith("torch_") and "_13_" in name:
            model = onnx.version_converter.convert_version(onnx.load(os.path.join(folder, name)), newest)
            onnx.save(model, os.path.join(folder, f"{name.partition('_13_')[0]}_{newest}.onnx"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("forward")
    parser.add_argument("sample", nargs="?")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--python", action="append", default=[sys.executable], help="also looked into for torch, Keras")
    parser.add_argument("--quantized", action="store_true", help="only the nets, quantized by onnxruntime")
    parser.add_argument("--models", nargs="*", help="only these files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        forward = Forward(options.forward, folder)
        if options.quantized:
            return compare_quantized(forward, options.sample, options.images)
        models = options.models
        if models is None:
            make_models(folder, options.python)
            add_newer(folder)
            models = [forward.path(name) for name in sorted(os.listdir(folder)) if name.endswith(".onnx")]
        for model in models:
            compare_model(forward, model)
        if options.models is not None:
            pass
        elif options.sample and os.path.isdir(options.sample):
            compare_nets(forward, options.sample, options.images)
        else:
            print(f"no {options.sample}: the nets of imagenet-sample are left out")
    return 1 if forward.failures else 0


if __name__ == "__main__":
    sys.exit(main())
