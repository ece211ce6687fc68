#!/usr/bin/env python3
"""Writes parts of range_golden.txt: the ranges that toolkits take from 131,072 reproducible values.

    make_range_golden.py torch | onnxruntime >> tests/quant/golden/range_golden.txt

The file was made with Debian 12's torch 1.13 and with torch 2.15 (histograms: 1.13 counts between
the ends cut to whole numbers, so that only channels with such ends can be compared), and with
onnxruntime 1.32. The values [8192, 16], 8 rows an image, are made by whole-number arithmetic that
tests/quant/golden/range_golden_test.cpp repeats. A line: toolkit, estimator, its settings, channel (or
"all"), the range's ends as hexadecimal floats.
"""
import contextlib
import io
import sys

import numpy

from golden_values import draws

ROWS, CHANNELS, ROWS_PER_IMAGE = 8192, 16, 8
WHOLE_ENDS = [9, 10, 11, 12, 13, 14, 15]  # channels whose smallest and largest value are whole numbers


def make_values():
    """Values [ROWS, CHANNELS], exact in float32."""
    _, bell, flat = draws(ROWS, CHANNELS, 54321)
    tail = bell * bell * bell / 2**20                 # long tails
    x = bell / 64
    x[:, 1] = numpy.maximum(x[:, 1] + 0.25, 0)        # after a relu
    x[:, 2] = tail[:, 2] / 2**6
    x[:, 3] = numpy.maximum(tail[:, 3] / 2**6, 0)
    x[:, 4] = flat[:, 4] / 2**24                      # uniform
    x[:, 5] = 3 + bell[:, 5] / 2**9                   # far from zero
    x[:, 6] = bell[:, 6] / 2**20                      # narrow
    x[4097, 7] = 77.7                                 # one outlier
    x[:, 8] = bell[:, 8] * 20 + 500                   # wide
    x[:, 9] = numpy.clip(x[:, 9], -5, 5)
    x[:, 10] = numpy.clip(x[:, 10] + 0.25, 0, 6)      # after a relu6
    x[:, 11] = numpy.clip(tail[:, 11], -30, 50)
    x[:, 12] = numpy.clip(numpy.maximum(tail[:, 12], 0), 0, 40)
    x[:, 13] = numpy.round(numpy.clip(x[:, 13] * 8, -60, 60))  # whole numbers
    x[:, 14] = numpy.clip(flat[:, 14] / 2**20 - 1, 0, 14)
    x[:, 15] = numpy.clip(bell[:, 15] / 16, -20, 1)   # one side
    return x.astype(numpy.float32)


def report(*fields, low, high):
    print(*fields, float(low).hex(), float(high).hex())


def report_moving_averages(torch, tool, x):
    from torch.ao.quantization import MovingAverageMinMaxObserver
    from torch.ao.quantization import MovingAveragePerChannelMinMaxObserver
    for window, constant in [(32, 0.01), (8, 0.3), (40, 0.01)]:
        settings = f"window={window},constant={constant}"
        batches = torch.split(torch.from_numpy(x), window * ROWS_PER_IMAGE)
        observer = MovingAverageMinMaxObserver(averaging_constant=constant)
        for batch in batches:
            observer(batch)
        report(tool, "moving_average", settings, "all", low=observer.min_val, high=observer.max_val)
        observer = MovingAveragePerChannelMinMaxObserver(averaging_constant=constant, ch_axis=1)
        for batch in batches:
            observer(batch)
        for channel in range(CHANNELS):
            report(tool, "moving_average", settings, channel,
                   low=observer.min_val[channel], high=observer.max_val[channel])


def report_histograms(torch, tool, x):
    from torch.ao.quantization import HistogramObserver
    is_old = torch.__version__.startswith("1.")
    for bins in [2048, 512]:
        for channel in WHOLE_ENDS if is_old else range(CHANNELS):
            observer = HistogramObserver(bins=bins)
            observer(torch.from_numpy(x[:, channel].copy()))
            low, high = observer._non_linear_param_search()
            report(tool, "torch_histogram", f"bins={bins}", channel, low=low, high=high)


def report_entropies(tool, x):
    from onnxruntime.quantization.calibrate import HistogramCollector
    for bins, levels in [(128, 128), (2048, 128), (2001, 255), (512, 32)]:
        for channel in range(CHANNELS):
            collector = HistogramCollector("entropy", True, bins, levels, 99.99, "same")
            with contextlib.redirect_stdout(io.StringIO()):
                collector.collect({"x": x[:, channel].copy()})
                low, high = collector.compute_collection_result()["x"][:2]
            report(tool, "kl", f"bins={bins},levels={levels}", channel, low=low, high=high)


def main():
    x = make_values()
    if sys.argv[1] == "torch":
        import torch
        tool = "torch-" + ".".join(torch.__version__.split(".")[:2])
        report_moving_averages(torch, tool, x)
        report_histograms(torch, tool, x)
    else:
        import onnxruntime
        report_entropies("onnxruntime-" + onnxruntime.__version__, x)


if __name__ == "__main__":
    main()
