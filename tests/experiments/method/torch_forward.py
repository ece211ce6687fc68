#!/usr/bin/env python3
"""Runs a result's trained net in PyTorch on CIFAR-10's test set and compares accuracy and cross-entropy.

usage: torch_forward.py RESULT.h5 FOLDER        (FOLDER holds test_batch.bin and data_batch_*.bin; needs python3-torch)

The net is built from /network and /weights alone: chains of convolution, batch norm and relu with padding k // 2,
global average pooling and a dense layer (regular, dws and mobilenet_v1). Exits with 1 where the accuracy differs or
the cross-entropies differ by more than 1e-5.
"""
import ast
import os
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F


def read_split(folder, files):
    data = np.concatenate([np.fromfile(os.path.join(folder, f), np.uint8).reshape(-1, 3073) for f in files])
    return data[:, 1:].reshape(-1, 3, 32, 32), data[:, 0].astype(np.int64)


def build(result, snapshot):
    weights = result[f"weights/{snapshot}"]
    tensor = lambda path: torch.from_numpy(weights[path][()])
    names, kinds = result["network/name"].asstr()[:], result["network/kind"].asstr()[:]
    shapes = [ast.literal_eval(s) for s in result["network/output_shape"].asstr()[:]]
    steps = []
    for i, (name, kind) in enumerate(zip(names, kinds)):
        if kind in ("conv2d", "depthwise", "pointwise"):
            w = tensor(f"{name}.conv/weight")
            w = w.permute(2, 0, 1).unsqueeze(1) if w.dim() == 3 else w.permute(3, 2, 0, 1)
            n = [tensor(f"{name}.norm/{p}") for p in ("running_mean", "running_variance", "gamma", "beta")]
            stride, groups = shapes[i - 1][0] // shapes[i][0], w.shape[0] if kind == "depthwise" else 1
            steps.append(lambda x, w=w, n=n, stride=stride, groups=groups: F.relu(F.batch_norm(
                F.conv2d(x, w, None, stride, w.shape[-1] // 2, groups=groups), n[0], n[1], n[2], n[3])))
        elif kind == "global_average_pool":
            steps.append(lambda x: x.mean((2, 3)))
        elif kind == "dense":
            steps.append(lambda x, w=tensor(f"{name}/weight"), b=tensor(f"{name}/bias"): x @ w + b)
        elif kind != "input":
            sys.exit(f"{name}: {kind} is not one of the layers that this script knows")
    return steps


def main(path, folder):
    train, _ = read_split(folder, [f"data_batch_{i}.bin" for i in range(1, 6)])
    test, labels = read_split(folder, ["test_batch.bin"])
    mean = train.mean((0, 2, 3), dtype=np.float64).astype(np.float32).reshape(1, 3, 1, 1)
    deviation = np.array([train[:, c].std(dtype=np.float64, ddof=1) for c in range(3)], np.float32).reshape(1, 3, 1, 1)
    with h5py.File(path) as result:
        snapshot = int(np.flatnonzero(result["variant"].asstr()[:] == "float32")[-1])
        steps = build(result, snapshot)
        ours = [float(result[f"networkwise/{m}"][snapshot]) for m in ("accuracy", "cross_entropy")]
    logits = []
    with torch.no_grad():
        for first in range(0, len(test), 500):
            x = torch.from_numpy((test[first:first + 500].astype(np.float32) - mean) / deviation)
            for step in steps:
                x = step(x)
            logits.append(x)
    logits, target = torch.cat(logits), torch.from_numpy(labels)
    theirs = [float((logits.argmax(1) == target).double().mean()), float(F.cross_entropy(logits.double(), target))]
    print(f"accuracy       quantdyn {ours[0]:.4f}    torch {torch.__version__} {theirs[0]:.4f}")
    print(f"cross-entropy  quantdyn {ours[1]:.8f}  torch {theirs[1]:.8f}  difference {abs(ours[1] - theirs[1]):.1e}")
    sys.exit(0 if ours[0] == theirs[0] and abs(ours[1] - theirs[1]) < 1e-5 else 1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
