#!/usr/bin/env python3
"""Trains a net of families.yaml in PyTorch by the recipe of the study: is our accuracy what the recipe gives?

    train_in_torch.py CIFAR NET [--width 0.5] [--epochs 15] [--seed 0] [--threads 1]

CIFAR is the folder of CIFAR-10's binary files, NET regular, dws, mobilenet_v1_regular or mobilenet_v1. Prints a line an epoch; the
last one's test accuracy is to be held against the `accuracy` of the study's runs (experiments/study/README.md). Random numbers
are torch's, so only the distribution over seeds can agree. Needs PyPI's torch; no test runs it, for it takes many minutes.
"""
import argparse
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SMALL = [(32, 1), (64, 1), (64, 2), (128, 1), (128, 2), (256, 1)]  # (channels, stride) of regular.yaml and dws.yaml
MOBILE = [(32, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
BATCH, PADDING = 128, 4


def convolution(before, after, size, stride=1, groups=1):
    return [nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


def network(name, width):
    plan = [(round(channels * width), stride) for channels, stride in (MOBILE if name.startswith("mobilenet") else SMALL)]
    parts, before = convolution(3, plan[0][0], 3, plan[0][1]), plan[0][0]
    for after, stride in plan[1:]:
        if name.endswith("regular"):
            parts += convolution(before, after, 3, stride)
        else:
            parts += convolution(before, before, 3, stride, before) + convolution(before, after, 1)
        before = after
    net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))
    for part in net:
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
        elif isinstance(part, nn.Linear):  # he_normal with gain 1
            nn.init.kaiming_normal_(part.weight, nonlinearity="linear")
            nn.init.zeros_(part.bias)
    return net.to(memory_format=torch.channels_last)


def images(folder, names):
    """(pixels [n, 3, 32, 32] as bytes, labels [n])."""
    rows = np.concatenate([np.fromfile(folder / name, np.uint8).reshape(-1, 3073) for name in names])
    return torch.tensor(rows[:, 1:].reshape(-1, 3, 32, 32)), torch.tensor(rows[:, 0], dtype=torch.long)


def augmented(batch):
    """Each image shifted by up to PADDING pixels, zeros coming in, and flipped with probability 0.5."""
    padded, side = functional.pad(batch, [PADDING] * 4), torch.arange(batch.shape[-1])
    rows, columns = (torch.randint(0, 2 * PADDING + 1, (len(batch), 1)) + side for _ in range(2))
    columns = torch.where(torch.rand(len(batch), 1) < 0.5, columns.flip(1), columns)
    index = torch.arange(len(batch))[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cifar", type=pathlib.Path)
    parser.add_argument("net", choices=("regular", "dws", "mobilenet_v1_regular", "mobilenet_v1"))
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    pixels, labels = images(options.cifar, [f"data_batch_{number}.bin" for number in range(1, 6)])
    test_pixels, test_labels = images(options.cifar, ["test_batch.bin"])
    deviation, mean = torch.std_mean(pixels.float(), (0, 2, 3), keepdim=True)
    net = network(options.net, options.width)
    print(f"{options.net}, width {options.width}: {sum(part.numel() for part in net.parameters())} parameters", flush=True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    batches = len(labels) // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * batches)
    start = time.time()
    for epoch in range(options.epochs):
        net.train()
        order, loss_sum = torch.randperm(len(labels)), 0.0
        for chosen in order[:batches * BATCH].split(BATCH):
            loss = functional.cross_entropy(net(augmented((pixels[chosen].float() - mean) / deviation)), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
        net.eval()
        with torch.no_grad():
            found = [net((part.float() - mean) / deviation).argmax(1) for part in test_pixels.split(500)]
        accuracy = (torch.cat(found) == test_labels).double().mean()
        print(f"epoch {epoch + 1}: loss {loss_sum / batches:.4f}, test accuracy {accuracy:.4f}, {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
