#!/usr/bin/env python3
"""Writes aimet_golden.txt: encodings and simulated quantization by the kernels of aimet-onnx.

    python3 tests/quant/golden/make_golden_aimet.py > tests/quant/golden/aimet_golden.txt

Needs aimet-onnx of PyPI (made with 2.42.0). An offset counts from the lowest code: the zero point
is lowest code - offset. The last cases turn strict and unsigned symmetry on.
"""
import importlib.metadata

import numpy
from aimet_onnx.common import libpymo

import golden_values as golden


def fitted(x, shape, bits, symmetric, strict, unsigned):
    quantizer = libpymo.BlockTensorQuantizer(shape, bits, libpymo.QuantizationMode.QUANTIZATION_TF)
    quantizer.setStrictSymmetric(strict)
    quantizer.setUnsignedSymmetric(unsigned)
    quantizer.updateStats(x)
    encodings = quantizer.computeEncodings(symmetric)
    quantizer.setEncodings(encodings)
    return quantizer, [(e.delta, e.offset) for e in encodings]


def main():
    x = golden.make_values()
    print("# aimet-onnx", importlib.metadata.version("aimet-onnx"))
    for bits, symmetric, strict, unsigned in [(8, False, False, False), (8, True, False, False),
                                              (4, False, False, False), (4, True, False, False),
                                              (2, True, False, False), (16, True, False, False),
                                              (8, True, True, False), (8, True, False, True)]:
        flags = (bits, symmetric, strict, unsigned)
        options = f"profile: aimet, bit_width: {bits}"
        if symmetric:
            options += f", symmetric: true, restricted_range: {str(strict).lower()}" \
                f", signed: {'auto' if unsigned else 'true'}"
        golden.print_case("tensor", options)
        for channel in range(golden.CHANNELS):
            one = numpy.ascontiguousarray(x[:, channel])
            quantizer, [(scale, offset)] = fitted(one, [], *flags)
            golden.print_values(channel, numpy.float32(scale), 0 if symmetric else -offset,
                                quantizer.quantizeDequantize(one))
        golden.print_case("channel", options)
        quantizer, found = fitted(x, [1, golden.CHANNELS], *flags)
        y = quantizer.quantizeDequantize(x)
        for channel, (scale, offset) in enumerate(found):
            golden.print_values(channel, numpy.float32(scale), 0 if symmetric else -offset,
                                y[:, channel])
        golden.print_case("ranges", options)
        for ends in golden.make_ranges():
            _, [(scale, offset)] = fitted(numpy.array(ends), [], *flags)
            golden.print_range(*ends, numpy.float32(scale), 0 if symmetric else -offset)


if __name__ == "__main__":
    main()
