#!/usr/bin/env python3
"""Trains the net of trajectory_test.cpp for ten steps in PyTorch, in float64, and prints that test's golden numbers.

Needs torch; written with torch 1.13. Arrays are filled in quantdyn's layout by the same formula as in the test.
"""
import math

import torch
import torch.nn.functional as F

STEPS, IMAGES, CLASSES = 10, 16, 5


def wave(shape, amplitude, speed, start):
    count = math.prod(shape)
    values = [amplitude * math.sin(start + speed * i) for i in range(count)]
    return torch.tensor(values, dtype=torch.float32).double().reshape(shape)


class Norm:
    def __init__(self, channels, start):
        self.gamma = (1 + wave([channels], 0.25, 1.1, start)).requires_grad_()
        self.beta = wave([channels], 0.25, 0.9, start).requires_grad_()
        self.mean, self.variance = torch.zeros(channels).double(), torch.ones(channels).double()

    def __call__(self, x):
        return F.relu(F.batch_norm(x, self.mean, self.variance, self.gamma, self.beta, training=True, momentum=0.1))


class Net:
    def __init__(self):
        self.conv = wave([3, 3, 3, 8], 0.4, 0.7, 0.1).requires_grad_()  # [kh, kw, in, out]
        self.dw = wave([3, 3, 8], 0.5, 0.6, 0.2).requires_grad_()
        self.pw = wave([1, 1, 8, 12], 0.6, 0.5, 0.3).requires_grad_()
        self.dense = wave([12, CLASSES], 0.7, 0.8, 0.4).requires_grad_()
        self.bias = wave([CLASSES], 0.1, 1.3, 0.5).requires_grad_()
        self.norms = [Norm(8, 0.6), Norm(8, 0.7), Norm(12, 0.8)]

    def weights(self):
        return [self.conv, self.dw, self.pw, self.dense]

    def parameters(self):
        return self.weights() + [self.bias] + [p for n in self.norms for p in (n.gamma, n.beta)]

    def logits(self, x):
        x = self.norms[0](F.conv2d(x, self.conv.permute(3, 2, 0, 1), padding=1))
        x = self.norms[1](F.conv2d(x, self.dw.permute(2, 0, 1).unsqueeze(1), stride=2, padding=1, groups=8))
        x = self.norms[2](F.conv2d(x, self.pw.permute(3, 2, 0, 1)))
        return x.mean((2, 3)) @ self.dense + self.bias


def numbers(name, values):
    print(f"const std::vector<double> {name}{{{', '.join(f'{float(v):.12g}' for v in values)}}};")


def main():
    images = wave([IMAGES, 8, 8, 3], 1.0, 0.37, 0.0).permute(0, 3, 1, 2)
    labels = torch.tensor([i * 3 % CLASSES for i in range(IMAGES)])
    for name, options in (("sgd", {"momentum": 0.9}), ("adam", {})):
        net = Net()
        decayed = [{"params": net.weights(), "weight_decay": 5e-3}, {"params": net.parameters()[4:], "weight_decay": 0}]
        make = torch.optim.SGD if name == "sgd" else torch.optim.Adam
        optimizer = make(decayed, lr=0.05 if name == "sgd" else 0.01, **options)
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = F.cross_entropy(net.logits(images), labels, label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        numbers(f"{name}_losses", losses)
        # A sum in which no element counts as another does shows that every one is right.
        numbers(f"{name}_weights", [(w.detach().flatten() * wave([w.numel()], 1.0, 1.7, 0.9)).sum() for w in net.weights()])
        numbers(f"{name}_statistics", [s.sum() for n in net.norms for s in (n.mean, n.variance)])


if __name__ == "__main__":
    main()
