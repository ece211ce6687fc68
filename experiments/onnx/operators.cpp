#include "experiments/onnx/operators.h"

#include "experiments/onnx/constants.h"
#include "experiments/onnx/handlers.h"

namespace quantdyn {
namespace {

using Handler = void (*)(OnnxBuilder&, const OnnxNode&);

/// An operator that only constants may go through.
void refuse_values(OnnxBuilder&, const OnnxNode& node) {
  node.attributes.refuse("", "computes with values of images; accepted: of constants and shapes");
}

const std::map<std::string, Handler>& handlers() {
  static const std::map<std::string, Handler> table{
      {"Add", add_onnx_add},
      {"AveragePool", add_onnx_average_pool},
      {"BatchNormalization", add_onnx_batch_norm},
      {"Cast", add_onnx_cast},
      {"Clip", add_onnx_clip},
      {"Concat", add_onnx_concat},
      {"Constant", refuse_values},
      {"ConstantOfShape", refuse_values},
      {"Conv", add_onnx_conv},
      {"DequantizeLinear", add_onnx_dequantize},
      {"Div", refuse_values},
      {"Dropout", add_onnx_dropout},
      {"Flatten", add_onnx_flatten},
      {"Gather", refuse_values},
      {"Gemm", add_onnx_gemm},
      {"GlobalAveragePool", add_onnx_global_average_pool},
      {"HardSigmoid", add_onnx_hard_sigmoid},
      {"HardSwish", add_onnx_hard_swish},
      {"Identity", add_onnx_identity},
      {"LeakyRelu", add_onnx_leaky_relu},
      {"LogSoftmax", add_onnx_softmax},
      {"MatMul", add_onnx_mat_mul},
      {"Max", add_onnx_max_or_min},
      {"MaxPool", add_onnx_max_pool},
      {"Min", add_onnx_max_or_min},
      {"Mul", add_onnx_mul},
      {"Pad", add_onnx_pad},
      {"QuantizeLinear", add_onnx_quantize},
      {"ReduceMean", add_onnx_reduce_mean},
      {"Relu", add_onnx_relu},
      {"Reshape", add_onnx_reshape},
      {"Shape", refuse_values},
      {"Sigmoid", add_onnx_sigmoid},
      {"Slice", refuse_values},
      {"Softmax", add_onnx_softmax},
      {"Squeeze", add_onnx_squeeze},
      {"Sub", refuse_values},
      {"Sum", add_onnx_add},
      {"Transpose", add_onnx_transpose},
      {"Unsqueeze", add_onnx_unsqueeze}};
  return table;
}

}  // namespace

std::vector<std::string> onnx_handler_names() {
  std::vector<std::string> out;
  for (const auto& [name, handler] : handlers()) out.push_back(name);
  return out;
}

void add_onnx_node(OnnxBuilder& builder, const OnnxNode& node) {
  if (builder.is_skipped(node)) return;
  if (!compute_constant(builder, node)) handlers().at(node.operation)(builder, node);
  node.attributes.finish();
}

}  // namespace quantdyn
