#!/usr/bin/env python3
"""Writes small models as torch.onnx.export does: make_torch_models.py FOLDER. Exit code 77 without torch."""

import os
import sys
import warnings

try:
    import torch
    from torch import nn
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def block(inputs, outputs, stride=1, groups=1, activation=None):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(outputs),
                         activation or nn.ReLU())


class Viewed(nn.Module):
    """x.view(x.size(0), -1) of an image, and a residual sum."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = block(3, 8), block(8, 8), nn.Linear(8 * 10 * 9, 5)

    def forward(self, x):
        x = self.a(x)
        x = nn.functional.avg_pool2d(x + self.b(x), 2)
        return self.fc(x.view(x.size(0), -1))


class Excited(nn.Module):
    """Squeeze and excitation by convolutions and by dense layers, swish, hard swish."""

    def __init__(self):
        super().__init__()
        self.a, self.b = block(3, 8, activation=nn.SiLU()), block(8, 8, activation=nn.Hardswish())
        self.gate = nn.Sequential(nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1), nn.Sigmoid())
        self.dense_gate = nn.Sequential(nn.Linear(8, 2), nn.ReLU(), nn.Linear(2, 8), nn.Sigmoid())
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.a(x)
        x = x * self.gate(x.mean((2, 3), keepdim=True))
        x = self.b(x)
        x = x * self.dense_gate(x.mean((2, 3))).unsqueeze(-1).unsqueeze(-1)
        return self.fc(x.mean((2, 3)))


class Dense(nn.Module):
    """Concatenated branches, a padded maximum, log_softmax, dropout."""

    def __init__(self):
        super().__init__()
        self.a, self.b = block(3, 6), block(6, 4, activation=nn.LeakyReLU(0.1))
        self.down = nn.MaxPool2d(3, 2, 1)
        self.average = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.a(x)
        x = torch.cat([self.down(x), self.average(self.b(x)), self.down(x)], 1)
        x = nn.functional.dropout(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1), 0.2, self.training)
        return nn.functional.log_softmax(self.fc(x), 1)


class Shuffled(nn.Module):
    """Padding layers, groups, a classifier of 1x1 convolutions, a view of one pixel."""

    def __init__(self):
        super().__init__()
        self.pad, self.a = nn.ZeroPad2d((0, 1, 2, 1)), nn.Conv2d(3, 8, 3, 2)
        self.b, self.c = block(8, 16, groups=4, activation=nn.ReLU6()), block(16, 16, groups=16)
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x):
        x = self.c(self.b(self.a(self.pad(x))))
        return self.head(nn.functional.adaptive_avg_pool2d(x, (1, 1))).squeeze(-1).squeeze(-1)


def with_values(model):
    """Norms and biases that do something, no two of them alike."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def main(folder):
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    image = torch.zeros(1, 3, 20, 18)
    for make in (Viewed, Excited, Dense, Shuffled):
        model = with_values(make())
        for opset, folded in ((9, True), (11, False), (13, True), (16, False)):
            mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
            path = os.path.join(folder, f"torch_{make.__name__}_{opset}{'_folded' if folded else ''}.onnx")
            torch.onnx.export(model, image, path, opset_version=opset, training=mode, do_constant_folding=folded,
                              input_names=["image"], dynamic_axes={"image": {0: "N"}})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
