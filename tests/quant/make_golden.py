#!/usr/bin/python3
"""Writes torch_golden.txt: torch's observers and fake quantization on 102,400 reproducible values.

    /usr/bin/python3 tests/quant/make_golden.py > tests/quant/torch_golden.txt

Needs python3-torch (made with Debian 12's 1.13). The values [6400, 16] are made by whole-number
arithmetic that tests/quant/golden_test.cpp repeats; each channel is one case that toolkits differ
on. A line: case, channel, scale (hexadecimal float), zero point, FNV-1a of the result's bytes.
"""
import numpy
import torch
from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver

ROWS, CHANNELS = 6400, 16


def make_values():
    """Values [ROWS, CHANNELS], exact in float32."""
    i = numpy.arange(ROWS * CHANNELS, dtype=numpy.uint64)
    u = (i * numpy.uint64(2654435761) + numpy.uint64(12345)) & numpy.uint64(0xFFFFFFFF)
    u ^= u >> numpy.uint64(15)
    u = (u * numpy.uint64(2246822519)) & numpy.uint64(0xFFFFFFFF)
    u ^= u >> numpy.uint64(13)
    u = u.astype(numpy.int64).reshape(ROWS, CHANNELS)
    bell = ((u & 0xFF) + (u >> 8 & 0xFF) + (u >> 16 & 0xFF) + (u >> 24) - 510).astype(numpy.float64)
    flat = (u >> 8).astype(numpy.float64)
    x = bell / 256
    x[:, 0] = 0                                       # an all-zero channel
    x[:, 1] = 0.75                                    # one value
    x[:, 2] = (u[:, 2] % 511) / 128                   # ties: scale 1 / 64 in steps of half
    x[:, 3] = (u[:, 3] % 511 - 254) / 128             # ties, with an odd zero point
    x[:, 4] = 3 + flat[:, 4] / 2**23                  # a range that excludes zero, above
    x[:, 5] = -5 + flat[:, 5] / 2**24                 # and below
    x[:, 6] = bell[:, 6] * 2.0**-140                  # denormals
    x[77, 7] = 1e6                                    # one huge outlier
    x[:, 8] = numpy.maximum(x[:, 8], 0)               # after a relu
    x[:, 9] *= 2.0**-12                               # a narrow channel
    x[:, 10] = flat[:, 10] / 2**24                    # uniform
    return torch.from_numpy(x.astype(numpy.float32))


def fnv1a(tensor):
    state = 0xCBF29CE484222325
    for byte in tensor.contiguous().numpy().tobytes():
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return state


def report(case, channel, scale, zero_point, y):
    print(case, channel, float(scale).hex(), int(zero_point), f"{fnv1a(y):016x}")


def main():
    x = make_values()
    print("# torch", torch.__version__)
    for signed, symmetric, bits in [(0, 0, 8), (1, 0, 8), (1, 1, 8), (0, 0, 4), (1, 1, 4)]:
        low = -2 ** (bits - 1) if signed else 0
        high = low + 2**bits - 1
        dtype = torch.qint8 if signed else torch.quint8
        name = f"{'' if signed else 'un'}signed_{'symmetric' if symmetric else 'affine'}_{bits}"
        for channel in range(CHANNELS):
            one = x[:, channel].contiguous()
            observer = MinMaxObserver(
                dtype=dtype, quant_min=low, quant_max=high,
                qscheme=torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine)
            observer(one)
            scale, zero_point = observer.calculate_qparams()
            y = torch.fake_quantize_per_tensor_affine(one, float(scale), int(zero_point), low, high)
            report("tensor_" + name, channel, scale, zero_point, y)
        observer = PerChannelMinMaxObserver(
            ch_axis=1, dtype=dtype, quant_min=low, quant_max=high,
            qscheme=torch.per_channel_symmetric if symmetric else torch.per_channel_affine)
        observer(x)
        scale, zero_point = observer.calculate_qparams()
        zero_point = zero_point.to(torch.int32)
        y = torch.fake_quantize_per_channel_affine(x, scale, zero_point, 1, low, high)
        for channel in range(CHANNELS):
            report("channel_" + name, channel, scale[channel], zero_point[channel], y[:, channel])


if __name__ == "__main__":
    main()
