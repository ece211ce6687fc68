#!/usr/bin/env python3
"""Writes aimet_torch_golden.txt: aimet-torch's min-max QuantizeDequantize, which ends in torch's own
fake quantization.

    python3 tests/quant/golden/make_golden_aimet_torch.py > tests/quant/golden/aimet_torch_golden.txt

Needs aimet-torch of PyPI (made with 2.42.0 on torch 2.15).
"""
import importlib.metadata

import torch
from aimet_torch.quantization.affine import QuantizeDequantize

import golden_values as golden

CONVENTIONS = "profile: torch, narrow: add_smallest_scale"


def fitted(x, shape, bits, symmetric):
    """A quantizer that saw x, and what it makes of x."""
    low = -2 ** (bits - 1) if symmetric else 0
    quantizer = QuantizeDequantize(shape, low, low + 2**bits - 1, symmetric)
    with quantizer.compute_encodings():
        quantizer(x)
    with torch.no_grad():
        return quantizer, quantizer(x)


def parameters(quantizer):
    """Scales and zero points, one an entry."""
    return zip(quantizer.get_scale().flatten().tolist(),
               (-quantizer.get_offset()).flatten().tolist())


def main():
    x = torch.from_numpy(golden.make_values())
    print("# aimet-torch", importlib.metadata.version("aimet-torch"), "torch", torch.__version__)
    for bits, symmetric in [(8, False), (8, True), (4, False), (4, True), (2, True), (16, True)]:
        options = f"{CONVENTIONS}, bit_width: {bits}"
        if symmetric:
            options += ", symmetric: true, symmetric_divisor: each_side"
        golden.print_case("tensor", options)
        for channel in range(golden.CHANNELS):
            quantizer, y = fitted(x[:, channel], (), bits, symmetric)
            [(scale, zero_point)] = parameters(quantizer)
            golden.print_values(channel, scale, zero_point, y.numpy())
        golden.print_case("channel", options)
        quantizer, y = fitted(x, (1, golden.CHANNELS), bits, symmetric)
        for channel, found in enumerate(parameters(quantizer)):
            golden.print_values(channel, *found, y[:, channel].numpy())
        golden.print_case("ranges", options)
        for ends in golden.make_ranges():
            quantizer, _ = fitted(torch.tensor(ends), (), bits, symmetric)
            [found] = parameters(quantizer)
            golden.print_range(*ends, *found)


if __name__ == "__main__":
    main()
