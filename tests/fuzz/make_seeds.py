#!/usr/bin/env python3
"""Writes the seeds of the binary formats: tests/fuzz/make_seeds.py MAKE_RESULT (build/tests/experiments/make_result).

HDF5 files are in the oldest format, whose headers have no checksums: a changed byte of them is read, not refused.
Needs h5py and numpy.
"""
import gzip
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

SEEDS = Path(__file__).parent / "seeds"


def write(name, data):
    path = SEEDS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def new_file(name):
    path = SEEDS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return h5py.File(path, "w", libver="earliest")


def append_choices(target):
    """The last byte chooses what the target does with the file: another one for each seed."""
    for i, path in enumerate(sorted((SEEDS / target).iterdir())):
        path.write_bytes(path.read_bytes() + bytes([i]))


def images():
    pixels = bytes(i % 251 for i in range(2 * 3072))
    write("cifar/cifar10", b"\x03" + pixels[:3072] + b"\x09" + pixels[3072:])
    write("cifar/cifar100", b"\x01\x63" + pixels[:3072])
    idx = struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 3) + bytes(range(12))
    labels = struct.pack(">4BI", 0, 0, 8, 1, 2) + b"\x01\x09"
    write("idx/images", idx)
    write("idx/labels", labels)
    write("idx/images.gz", gzip.compress(idx, mtime=0))
    write("idx/two_streams.gz", gzip.compress(labels[:5], mtime=0) + gzip.compress(labels[5:], mtime=0))


def arrays():
    x = np.arange(3 * 4 * 4 * 2, dtype=np.uint8).reshape(3, 4, 4, 2)
    for name, options, kind in [("contiguous", {}, np.uint8), ("floats", {}, np.float32),
                                ("deflated", dict(chunks=(2, 4, 4, 2), compression=4, shuffle=True), np.int16),
                                ("checksummed", dict(chunks=(1, 4, 4, 2), fletcher32=True), np.float64)]:
        with new_file(f"hdf5/{name}") as f:
            f.create_dataset("x", data=x.astype(kind), **options)
            f["y"] = np.array([0, 9, 4], np.int32)
    with new_file("hdf5/gray") as f:
        f["x"], f["y"] = x[:, :, :, 0], np.array([1, 2, 3], np.int64)
    append_choices("hdf5")


def keras():
    def layer(kind, name, **config):
        return {"class_name": kind, "config": {"name": name, **config}}

    conv = layer("Conv2D", "conv", filters=2, kernel_size=[3, 3], strides=[1, 1], padding="same", use_bias=True,
                 data_format="channels_last", dilation_rate=[1, 1], groups=1, activation="relu",
                 batch_input_shape=[None, 4, 4, 1])
    norm = layer("BatchNormalization", "norm", axis=[3], epsilon=0.001, center=True, scale=True)
    dense = layer("Dense", "dense", units=2, use_bias=True, activation="softmax")
    layers = [conv, norm, layer("GlobalAveragePooling2D", "pool", data_format="channels_last"), dense]
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}
    weights = {"conv": {"kernel": (3, 3, 1, 2), "bias": (2,)},
               "norm": {"gamma": (2,), "beta": (2,), "moving_mean": (2,), "moving_variance": (2,)},
               "dense": {"kernel": (2, 2), "bias": (2,)}, "pool": {}}
    with new_file("keras/sequential") as f:
        # Not of variable length, as Keras writes them: on most damaged heaps of such texts libhdf5 hangs.
        f.attrs["model_config"] = np.bytes_(json.dumps(config))
        f.attrs["keras_version"] = np.bytes_("2.11.0")
        group = f.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode() for name in weights])
        for name, arrays_of in weights.items():
            own = group.create_group(name)
            own.attrs["weight_names"] = np.array([f"{name}/{key}:0".encode() for key in arrays_of])
            for key, shape in arrays_of.items():
                own[f"{name}/{key}:0"] = np.full(shape, 0.5, np.float32)


# What no reader of a result needs, or needs only as it needs another one.
LEFT_OUT = ("tensors", "weights", "gradient_bin", "gradient_bin_lower", "gradient_bin_upper", "layerwise/weight_gradient",
            "quantization/int8/conv1/output/calibration_images", "quantization/int8/conv1/output/convergence_low",
            "quantization/int8/conv1/output/convergence_high", "quantization/int8/dw2/weight/axis_0",
            "quantization/int8/dw2/weight/axis_1", "quantization/int8/dw2/weight/codes", "quantization/int8/dw2/weight/level",
            "quantization/int8/dw2/weight/levels", "training/learning_rate", "training/seconds", "training/training_row")
TEXTS_LEFT_OUT = ("long_name", "formula", "coordinates")


def copy_result(source, name):
    """Scales are attached anew: object references do not survive a copy. Most of a small file's bytes should matter, and each array
    takes time."""
    with h5py.File(source) as a, new_file(name) as b:
        made = {}

        def copy(path, item):
            address = h5py.h5o.get_info(item.id).addr
            if isinstance(item, h5py.Group):
                out = b.require_group(path)
            elif path in b:
                return
            elif address in made:
                b[path] = b[made[address]]
                return
            else:
                out, made[address] = b.create_dataset(path, data=item[()]), path
            for key, value in item.attrs.items():
                if key not in ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", *TEXTS_LEFT_OUT):
                    out.attrs[key] = value

        def walk(group):
            for key in sorted(group):
                item = group[key]
                if item.name[1:] in LEFT_OUT:
                    continue
                copy(item.name if group.name == "/" else f"{group.name}/{key}", item)
                if isinstance(item, h5py.Group):
                    walk(item)

        for key, value in a.attrs.items():
            b.attrs[key] = value
        # The root's names first: they are the axes' own.
        for key in sorted(k for k in a if isinstance(a[k], h5py.Dataset) and k not in LEFT_OUT):
            copy("/" + key, a[key])
        walk(a)
        for path, item in [(p, a[p]) for p in set(made.values())]:
            if h5py.h5ds.is_scale(item.id):
                b[path].make_scale(path.rsplit("/", 1)[-1])
        for path, item in [(p, a[p]) for p in sorted(made.values())]:
            for i, axis in enumerate(item.dims):
                for scale in axis.values() if not h5py.h5ds.is_scale(item.id) else []:
                    target = made[h5py.h5o.get_info(scale.id).addr]
                    b[path].dims[i].attach_scale(b[target])
        if "quantization" in b:
            complete(b)


def complete(b):
    """What `explain` asks for and the made-up run does not have."""
    for entry in b["quantization/int8/conv1"].values():
        entry.attrs["bit_width"] = 8
    like = b["layerwise/output/local_sqnr"]
    for name in ("added_qmse", "accumulated_qmse", "local_qmse"):
        array = b.create_dataset(f"layerwise/output/{name}", data=np.full(like.shape, 0.125))
        for i, scale in enumerate(("snapshot", "layer")):
            array.dims[i].attach_scale(b[scale])


def results(make_result):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([make_result, folder], check=True)
        copy_result(f"{folder}/result.h5", "result/result")
        copy_result(f"{folder}/snapshots/snapshot-0002.h5", "result/snapshot")
        append_choices("result")
        copy_result(f"{folder}/snapshots/snapshot-0002.h5", "snapshot/quantized")
        copy_result(f"{folder}/checkpoints/checkpoint-00000050.h5", "checkpoint/every_type")


if __name__ == "__main__":
    images()
    arrays()
    keras()
    results(sys.argv[1])
