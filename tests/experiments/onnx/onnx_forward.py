#!/usr/bin/env python3
"""Compares logits with onnxruntime's on the same images: the nets of imagenet-sample on real ones, and small models.

    onnx_forward.py FORWARD [--images N] [FOLDER of imagenet-sample]

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
    import onnxruntime
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

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

    def ours(self, model, x):
        """x [N,H,W,C]."""
        with h5py.File(self.path("images.h5"), "w") as f:
            f["x"] = x
        subprocess.run([self.program, model, self.path("images.h5"), self.path("logits.h5")], check=True)
        with h5py.File(self.path("logits.h5")) as f:
            return f["logits"][:]

    def report(self, name, ours, theirs, note=""):
        difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
        good = difference < BOUND
        self.failures += not good
        print(f"{name:<45} {difference:.1e}{note}{'' if good else '  FAILED'}", flush=True)


def run_onnx(model, x, channels_last=False):
    """One image at a time where the batch is fixed."""
    options = onnxruntime.SessionOptions()
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("forward")
    parser.add_argument("sample", nargs="?")
    parser.add_argument("--images", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        forward = Forward(options.forward, folder)
        if options.sample and os.path.isdir(options.sample):
            compare_nets(forward, options.sample, options.images)
        else:
            print(f"no {options.sample}: the nets of imagenet-sample are left out")
    return 1 if forward.failures else 0


if __name__ == "__main__":
    sys.exit(main())
