#!/usr/bin/env python3
"""Writes tflite_golden.txt: full-integer models by TFLiteConverter, run in the interpreter.

    python3 tests/quant/golden/make_golden_tflite.py > tests/quant/golden/tflite_golden.txt

Needs tensorflow of PyPI (made with 2.21.0). Activations pass through a reshape between QUANTIZE and
DEQUANTIZE, once by the reference kernels and once by the default ones (XNNPACK, x86-64); weights
are those of a convolution, as the converter stores them.
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
import tensorflow

import golden_values as golden

INT8 = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
INT16 = [tensorflow.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]


def converted(function, operations, samples):
    """The bytes of a full-integer model, calibrated on one sample for each input."""
    module = tensorflow.Module()
    module.function = function
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([samples])
    converter.target_spec.supported_ops = operations
    return converter.convert()


def interpreter_of(model, resolver="BUILTIN_REF"):
    resolvers = tensorflow.lite.experimental.OpResolverType
    interpreter = tensorflow.lite.Interpreter(
        model_content=model, experimental_op_resolver_type=getattr(resolvers, resolver))
    interpreter.allocate_tensors()
    return interpreter


def activations(shape, count):
    specs = [tensorflow.TensorSpec(shape, tensorflow.float32, name=f"x{i}") for i in range(count)]
    return tensorflow.function(
        lambda xs: [tensorflow.reshape(x, [-1, 1]) for x in xs], input_signature=[specs])


def parameters_by_input(interpreter):
    """(scale, zero point) of what each input is quantized to, in the order of the inputs."""
    tensors = {t["index"]: t["quantization_parameters"] for t in interpreter.get_tensor_details()}
    quantized = {o["inputs"][0]: tensors[o["outputs"][0]] for o in interpreter._get_ops_details()
                 if o["op_name"] == "QUANTIZE"}
    found = [quantized[i["index"]] for i in interpreter.get_input_details()]
    return [(f["scales"][0], f["zero_points"][0]) for f in found]


def print_activations(x, options, operations, resolver):
    golden.print_case("tensor", options)
    for channel in range(golden.CHANNELS):
        one = numpy.ascontiguousarray(x[:, channel]).reshape(1, -1)
        interpreter = interpreter_of(converted(activations(one.shape, 1), operations, [one]), resolver)
        scale, zero_point = parameters_by_input(interpreter)[0]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], one)
        interpreter.invoke()
        y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        golden.print_values(channel, scale, zero_point, y)


def print_weights(x, options):
    weight = x.reshape(80, 80, 1, golden.CHANNELS)
    function = tensorflow.function(
        lambda image: tensorflow.nn.conv2d(image, weight, 1, "VALID"),
        input_signature=[tensorflow.TensorSpec([1, 80, 80, 1], tensorflow.float32)])
    image = numpy.linspace(-1, 1, 6400, dtype=numpy.float32).reshape(1, 80, 80, 1)
    interpreter = interpreter_of(converted(function, INT8, [image]))
    golden.print_case("channel", options)
    for tensor in interpreter.get_tensor_details():
        found = tensor["quantization_parameters"]
        if tensor["dtype"] != numpy.int8 or len(found["scales"]) != golden.CHANNELS:
            continue
        codes = interpreter.get_tensor(tensor["index"])  # [channels, 80, 80, 1]
        for channel, scale in enumerate(found["scales"]):
            y = codes[channel].reshape(-1).astype(numpy.float32) * scale
            golden.print_values(channel, scale, found["zero_points"][channel], y)


def print_ranges(options):
    ranges = golden.make_ranges()
    samples = [numpy.array([ends], numpy.float32) for ends in ranges]
    interpreter = interpreter_of(converted(activations([1, 2], len(ranges)), INT8, samples))
    golden.print_case("ranges", options)
    for ends, found in zip(ranges, parameters_by_input(interpreter)):
        golden.print_range(*ends, *found)


def main():
    x = golden.make_values()
    print("# tensorflow", tensorflow.__version__)
    print_activations(x, "profile: tflite", INT8, "BUILTIN_REF")
    print_ranges("profile: tflite")
    print_activations(x, "profile: tflite, scaling: reciprocal, rounding: half_to_even, "
                      "zero_point_rounding: half_away_from_zero", INT8, "AUTO")
    print_activations(x, "profile: tflite, bit_width: 16, symmetric: true", INT16, "BUILTIN_REF")
    print_weights(x, "profile: tflite, symmetric: true")


if __name__ == "__main__":
    main()
