#!/usr/bin/env python3
"""Writes floats_golden.txt: small floats by ml_dtypes and numpy, and by torch where it is there.

    python3 tests/quant/golden/make_golden_floats.py > tests/quant/golden/floats_golden.txt

Needs ml_dtypes of PyPI and, for its two formats, torch 2.1 or later (made with ml_dtypes 0.6.0,
numpy 2.4.6 and torch 2.15). Conversions do not saturate but where a format has neither infinity nor
NaN; there NaN has no code, and the values are taken without it.
"""
import ml_dtypes
import numpy

import golden_values as golden

FORMATS = {
    "float8_e4m3fn": "format: e4m3, saturate: false",
    "float8_e4m3": "format: e4m3, special: ieee, saturate: false",
    "float8_e5m2": "format: e5m2, saturate: false",
    "float8_e3m4": "format: e3m4, saturate: false",
    "float4_e2m1fn": "format: e2m1",
    "float6_e2m3fn": "format: e2m3",
    "float6_e3m2fn": "format: e3m2",
    "bfloat16": "format: bfloat16, saturate: false",
}


def main():
    x = golden.make_float_values()
    print("# ml_dtypes", ml_dtypes.__version__, "numpy", numpy.__version__)
    for name, options in FORMATS.items():
        values = numpy.nan_to_num(x, posinf=x[2], neginf=x[3]) if "saturate" not in options else x
        y = values.astype(getattr(ml_dtypes, name))
        golden.print_floats(options, y, y.view(numpy.uint16 if name == "bfloat16" else numpy.uint8))
    y = x.astype(numpy.float16)
    golden.print_floats("format: float16, saturate: false", y, y.view(numpy.uint16))
    try:
        import torch
    except ImportError:
        return
    print("# torch", torch.__version__)
    # torch 2.15 saturates to e4m3, infinity too; to e5m2 it does not.
    for kind, options in [("e4m3fn", "format: e4m3"), ("e5m2", FORMATS["float8_e5m2"])]:
        y = torch.from_numpy(x).to(getattr(torch, f"float8_{kind}"))
        golden.print_floats(options, y.float().numpy(), y.view(torch.uint8).numpy())


if __name__ == "__main__":
    numpy.seterr(over="ignore")
    main()
