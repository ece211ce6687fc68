#!/usr/bin/python3
"""Writes torch_golden.txt: torch's observers and fake quantization (golden_values.py says how).

    /usr/bin/python3 tests/quant/golden/make_golden_torch.py > tests/quant/golden/torch_golden.txt

Needs python3-torch (made with Debian 12's 1.13; torch 2.15 of PyPI gives the same lines).
"""
import torch
from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver

import golden_values as golden


def observer_of(kind, signed, symmetric, low, high):
    scheme = getattr(torch, f"per_{kind}_{'symmetric' if symmetric else 'affine'}")
    arguments = {"dtype": torch.qint8 if signed else torch.quint8, "quant_min": low,
                 "quant_max": high, "qscheme": scheme}
    return PerChannelMinMaxObserver(ch_axis=1, **arguments) if kind == "channel" \
        else MinMaxObserver(**arguments)


def main():
    x = torch.from_numpy(golden.make_values())
    print("# torch", torch.__version__)
    for signed, symmetric, bits in [(0, 0, 8), (1, 0, 8), (1, 1, 8), (0, 0, 4), (1, 1, 4)]:
        low = -2 ** (bits - 1) if signed else 0
        high = low + 2**bits - 1
        options = f"profile: torch, bit_width: {bits}, symmetric: {str(bool(symmetric)).lower()}" \
            f", signed: {str(bool(signed)).lower()}"
        golden.print_case("tensor", options)
        for channel in range(golden.CHANNELS):
            one = x[:, channel].contiguous()
            observer = observer_of("tensor", signed, symmetric, low, high)
            observer(one)
            scale, zero_point = observer.calculate_qparams()
            y = torch.fake_quantize_per_tensor_affine(one, float(scale), int(zero_point), low, high)
            golden.print_values(channel, scale, zero_point, y.numpy())
        golden.print_case("channel", options)
        observer = observer_of("channel", signed, symmetric, low, high)
        observer(x)
        scale, zero_point = observer.calculate_qparams()
        zero_point = zero_point.to(torch.int32)
        y = torch.fake_quantize_per_channel_affine(x, scale, zero_point, 1, low, high).numpy()
        for channel in range(golden.CHANNELS):
            golden.print_values(channel, scale[channel], zero_point[channel], y[:, channel])
        golden.print_case("ranges", options)
        for ends in golden.make_ranges():
            observer = observer_of("tensor", signed, symmetric, low, high)
            observer(torch.tensor(ends))
            golden.print_range(*ends, *observer.calculate_qparams())


if __name__ == "__main__":
    main()
