#!/usr/bin/env python3
"""Writes onnx_golden.txt: scales and zero points by onnxruntime.quantization's min-max calibrator
and compute_scale_zp, values by QuantizeLinear and DequantizeLinear in onnxruntime.

    python3 tests/quant/golden/make_golden_onnx.py > tests/quant/golden/onnx_golden.txt

Needs numpy, onnx and onnxruntime of PyPI (made with onnx 1.23.2, onnxruntime 1.32.0).
"""
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, MinMaxCalibrater
from onnxruntime.quantization.quant_utils import compute_scale_zp, get_qmin_qmax_for_qType

import golden_values as golden


class OneBatch(CalibrationDataReader):
    def __init__(self, x):
        self.batches = iter([{"x": x}])

    def get_next(self):
        return next(self.batches, None)


def calibrated(x):
    """The smallest and the largest value, as the toolkit's own calibrator says."""
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["r"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("r", TensorProto.FLOAT, ["n"])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, f"{folder}/m.onnx")
        calibrator = MinMaxCalibrater(f"{folder}/m.onnx", ["Relu"],
                                      augmented_model_path=f"{folder}/a.onnx")
        calibrator.augment_graph()
        calibrator.create_inference_session()
        calibrator.collect_data(OneBatch(x))
        low, high = calibrator.compute_data()["x"].range_value
    return numpy.asarray(low, numpy.float32).reshape(()), \
        numpy.asarray(high, numpy.float32).reshape(())


def quantized(x, scale, zero_point, kind):
    """Through the codes and back; scale and zero point are arrays for channels, on the last axis."""
    shape = list(numpy.shape(scale))
    scale = numpy.atleast_1d(scale).tolist()
    zero_point = [int(z) for z in numpy.atleast_1d(zero_point)]
    graph = helper.make_graph(
        [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=1),
         helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=1)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor("s", TensorProto.FLOAT, shape, scale),
         helper.make_tensor("z", kind, shape, zero_point)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def main():
    x = golden.make_values()
    print("# onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
    ends = [calibrated(numpy.ascontiguousarray(x[:, channel])) for channel in range(golden.CHANNELS)]
    for name, symmetric, bits in [("UINT8", 0, 8), ("INT8", 0, 8), ("INT8", 1, 8), ("UINT16", 0, 16),
                                  ("INT16", 1, 16), ("UINT4", 0, 4), ("INT4", 1, 4)]:
        kind = getattr(TensorProto, name)
        low, high = get_qmin_qmax_for_qType(kind, symmetric=bool(symmetric))
        options = f"profile: onnx, bit_width: {bits}, symmetric: {str(bool(symmetric)).lower()}" \
            f", signed: {str(name.startswith('INT')).lower()}"
        found = [compute_scale_zp(*pair, low, high, bool(symmetric)) for pair in ends]
        zero_points = [z for z, _ in found]
        scales = numpy.array([s for _, s in found], numpy.float32)
        golden.print_case("tensor", options)
        for channel in range(golden.CHANNELS):
            y = quantized(x[:, channel:channel + 1], scales[channel], zero_points[channel], kind)
            golden.print_values(channel, scales[channel], zero_points[channel], y)
        golden.print_case("channel", options)
        y = quantized(x, scales, zero_points, kind)
        for channel in range(golden.CHANNELS):
            golden.print_values(channel, scales[channel], zero_points[channel], y[:, channel])
        golden.print_case("ranges", options)
        for pair in golden.make_ranges():
            zero_point, scale = compute_scale_zp(*map(numpy.asarray, pair), low, high, bool(symmetric))
            golden.print_range(*pair, scale, zero_point)


if __name__ == "__main__":
    main()
