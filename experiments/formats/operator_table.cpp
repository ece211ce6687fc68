#include "experiments/formats/operator_table.h"

#include <algorithm>
#include <array>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr Format keras = Format::keras, onnx = Format::onnx;

constexpr std::array rows{
    OperatorRow{keras, "InputLayer", "the net's input", "one, [height, width, channels]"},
    OperatorRow{keras, "Conv2D", "`conv2d`", "`groups`; padding `same`, `valid`; dilation 1"},
    OperatorRow{keras, "DepthwiseConv2D", "`conv2d`", "depth multiplier 1"},
    OperatorRow{keras, "SeparableConv2D", "two `conv2d`, `_dw` and `_pw`", "depth multiplier 1"},
    OperatorRow{keras, "BatchNormalization", "`batch_norm`",
                "the last axis; without scale or center: 1 or 0; momentum is 1 - ours"},
    OperatorRow{keras, "Activation", "`relu`, `relu6`, `leaky_relu`, `sigmoid`, `hard_swish`",
                "linear, relu, relu6, leaky_relu (slope 0.2), hard_silu, hard_swish; sigmoid "
                "inside the model; also as `activation` of a layer"},
    OperatorRow{keras, "ReLU, LeakyReLU", "`relu`, `relu6`, `leaky_relu`",
                "limit none or 6; slope 0 to 1"},
    OperatorRow{keras, "Softmax", "nothing: the net's outputs are the logits",
                "at the end; also as `activation` of the last layer"},
    OperatorRow{keras, "Add, Multiply", "`add`, `multiply`",
                "equal shapes; Multiply of two, also [H,W,C] and [C] or [1,1,C]"},
    OperatorRow{keras, "MaxPooling2D, AveragePooling2D", "`max_pool`, `average_pool`",
                "padding `same`, `valid`"},
    OperatorRow{keras, "GlobalAveragePooling2D",
                "`global_average_pool`; with `keepdims`, `average_pool`", ""},
    OperatorRow{keras, "ZeroPadding2D", "padding of the layer after it",
                "a `valid` convolution or average; a `valid` maximum after an activation that is "
                "never negative"},
    OperatorRow{keras, "Flatten, Reshape", "`flatten`", "to one axis"},
    OperatorRow{keras, "Dense", "`dense`", "after Flatten or the like"},
    OperatorRow{keras, "Dropout", "nothing, not even in training", ""},
    OperatorRow{onnx, "Conv", "`conv2d`",
                "two dimensions; `group`, `strides`, `pads`, `auto_pad`; dilations 1; Mul "
                "and Add of a constant by channel right after it go into its weight and bias"},
    OperatorRow{onnx, "BatchNormalization", "`batch_norm`", "of evaluation; momentum is 1 - ours"},
    OperatorRow{onnx, "Relu, Clip, Max, Min", "`relu`, `relu6`, `channel_clip`",
                "Max and Min with a constant: one number, or one for each channel; both, one after "
                "the other, become one layer"},
    OperatorRow{onnx, "LeakyRelu", "`leaky_relu`", "alpha 0 to 1"},
    OperatorRow{onnx, "Sigmoid", "`sigmoid`", "inside the model"},
    OperatorRow{
        onnx, "HardSwish, HardSigmoid", "`hard_swish`",
        "HardSigmoid with alpha 1/6, and Mul with its own input; also x Clip(x + 3, 0, 6) / 6"},
    OperatorRow{onnx, "Add, Sum, Mul", "`add`, `multiply`",
                "computed values of equal sizes; Mul also [N,C,H,W] and [N,C,1,1]"},
    OperatorRow{onnx, "Concat", "`concat`", "on channels"},
    OperatorRow{onnx, "MaxPool, AveragePool", "`max_pool`, `average_pool`",
                "as Conv; `count_include_pad`; `ceil_mode` 1 where it changes no size"},
    OperatorRow{onnx, "GlobalAveragePool, ReduceMean",
                "`global_average_pool`; `average_pool` where its reader needs an image",
                "ReduceMean over height and width"},
    OperatorRow{onnx, "Pad", "padding of the layer after it",
                "zeros before Conv, AveragePool, and MaxPool of values that are never negative"},
    OperatorRow{onnx, "Gemm, MatMul", "`dense`",
                "a constant weight; `transB`, `alpha`, `beta`; Mul and Add after it as after Conv"},
    OperatorRow{onnx, "Flatten, Reshape, Squeeze, Unsqueeze", "`flatten`, or nothing",
                "to [N, values]; to [N,C,1,1]; the weight after it is reordered to match"},
    OperatorRow{onnx, "Transpose", "nothing", "moves channels to the last axis or back"},
    OperatorRow{onnx, "Softmax, LogSoftmax", "nothing: the net's outputs are the logits",
                "at the end"},
    OperatorRow{onnx, "Dropout, Identity", "nothing, not even in training", ""},
    OperatorRow{onnx, "QuantizeLinear, DequantizeLinear",
                "nothing: scales of a [quantized variant](#a-quantized-model)",
                "int8, uint8, int16, uint16; int32 for biases; activations per tensor"},
    OperatorRow{onnx, "Cast", "a constant, or nothing",
                "of constants; of the codes of QuantizeLinear to the type that they have"},
    OperatorRow{onnx, "Constant, ConstantOfShape, Div, Gather, Shape, Slice, Sub", "constants",
                "computed from constants and shapes, as Add, Concat, Mul, Reshape, Squeeze, "
                "Transpose and Unsqueeze may be"},
};

/// "ReLU, LeakyReLU" one by one.
std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find(", ", begin), names.size());
    out.push_back(names.substr(begin, end - begin));
    begin = end + 2;
  }
  return out;
}

}  // namespace

std::span<const OperatorRow> operator_table() { return rows; }

std::vector<std::string> operators_of(Format format) {
  std::vector<std::string> out;
  for (const OperatorRow& row : rows)
    if (row.format == format) std::ranges::copy(split(row.operators), std::back_inserter(out));
  std::ranges::sort(out);
  return out;
}

std::string operator_names(Format format) {
  return fmt::format("{}", fmt::join(operators_of(format), ", "));
}

std::string operator_markdown(Format format) {
  std::string out = format == Format::keras ? "| class | becomes | accepted |\n"
                                            : "| operator | becomes | accepted |\n";
  out += "| --- | --- | --- |\n";
  for (const OperatorRow& row : rows)
    if (row.format == format)
      out += fmt::format("| {} | {} | {}{}|\n", row.operators, row.becomes, row.accepted,
                         *row.accepted ? " " : "");
  return out;
}

}  // namespace quantdyn
