// Activations, sums, products, and what changes no value.
#include <algorithm>
#include <cmath>

#include "experiments/onnx/handlers.h"

namespace quantdyn {
namespace {

/// Adds a layer that has the shape and layout of its input.
void add_same(OnnxBuilder& builder, const OnnxNode& node, const std::string& kind,
              const OnnxBuilder::Entries& entries = {}) {
  OnnxValue out = builder.value(node, 0);
  out.in_net.node = builder.add_node(node, kind, {out.in_net.node}, entries);
  builder.set_result(node, out);
}

bool is_number(const OnnxTensor* constant, double number) {
  return constant && constant->type == OnnxTensor::Type::floats && constant->elements() == 1 &&
         std::abs(constant->floats[0] - number) <= 1e-6 * std::abs(number);
}

/// The input of a node of two that is not `value`; 2 if neither or both are.
size_t other_input(const OnnxNode& node, const std::string& value) {
  if (node.inputs.size() != 2 || node.inputs[0] == node.inputs[1]) return 2;
  return node.inputs[0] == value ? 1 : node.inputs[1] == value ? 0 : 2;
}

bool clips_to_6(const OnnxBuilder& builder, const OnnxNode& node) {
  if (node.has_input(1) || node.has_input(2))
    return is_number(builder.constant(node, 2), 6) && builder.constant(node, 1) &&
           is_number(builder.constant(node, 1), 0);
  const auto any = accept::any<double>();
  return node.attributes.has("min") && node.attributes.has("max") &&
         node.attributes.number("min", 0.0, any, "") == 0 &&
         node.attributes.number("max", 0.0, any, "") == 6;
}

/// x relu6(x + 3) / 6, written as Add, Clip, Mul and a Div or Mul in either order, from its Add;
/// adds hard_swish as the result of the last of them.
bool take_hard_swish(OnnxBuilder& builder, const OnnxNode& add) {
  const size_t x = is_number(builder.constant(add, 1), 3) ? 0 : 1;
  if (!is_number(builder.constant(add, 1 - x), 3)) return false;
  const OnnxNode* const clip = builder.only_reader(add.outputs[0], "Clip");
  if (!clip || !clips_to_6(builder, *clip)) return false;
  const OnnxNode* last = clip;
  std::vector<const OnnxNode*> parts{clip};
  bool is_multiplied = false, is_divided = false;
  while (!is_multiplied || !is_divided) {
    const std::string value = last->outputs[0];
    const OnnxNode* next = builder.only_reader(value, "Mul");
    const size_t other = next ? other_input(*next, value) : 2;
    if (!next) next = builder.only_reader(value, "Div");
    if (!next) return false;
    const bool is_by_six = next->operation == "Div" && next->inputs[0] == value &&
                           is_number(builder.constant(*next, 1), 6);
    if (!is_divided &&
        (is_by_six || (other < 2 && is_number(builder.constant(*next, other), 1.0 / 6))))
      is_divided = true;
    else if (other < 2 && !is_multiplied && next->inputs[other] == add.inputs[x])
      is_multiplied = true;
    else
      return false;
    parts.push_back(last = next);
  }
  OnnxValue out = builder.value(add, x);
  out.in_net.node = builder.add_node(add, "hard_swish", {out.in_net.node});
  for (const OnnxNode* part : parts) builder.skip(*part);
  builder.set_result(*last, out);
  return true;
}

/// Computed inputs with one layout.
std::vector<OnnxValue> equal_layouts(OnnxBuilder& builder, const OnnxNode& node) {
  std::vector<OnnxValue> out;
  for (size_t i = 0; i < node.inputs.size(); ++i) out.push_back(builder.value(node, i));
  for (const OnnxValue& x : out)
    if (x.rank != out[0].rank || x.has_channels_last != out[0].has_channels_last ||
        x.flattened_from != out[0].flattened_from)
      node.attributes.refuse(
          "", fmt::format("reads values of sizes {} and {} with different axes; accepted: axes "
                          "in one order",
                          yaml_list(builder.sizes_of(out[0])), yaml_list(builder.sizes_of(x))));
  return out;
}

std::vector<std::string> nodes_of(const std::vector<OnnxValue>& values) {
  std::vector<std::string> out;
  for (const OnnxValue& value : values) out.push_back(value.in_net.node);
  return out;
}

}  // namespace

void add_onnx_leaky_relu(OnnxBuilder& builder, const OnnxNode& node) {
  const double slope = node.attributes.number("alpha", 0.01, accept::between(0.0, 1.0), "");
  if (slope == 0) return add_same(builder, node, "relu");
  add_same(builder, node, "leaky_relu", {{"slope", fmt::format("{}", slope)}});
}

void add_onnx_sigmoid(OnnxBuilder& builder, const OnnxNode& node) {
  if (builder.is_output(node))
    node.attributes.refuse("",
                           "is at the model's end, whose outputs must be logits; accepted: "
                           "inside it");
  add_same(builder, node, "sigmoid");
}

void add_onnx_hard_swish(OnnxBuilder& builder, const OnnxNode& node) {
  add_same(builder, node, "hard_swish");
}

/// x hard_sigmoid(x) with the slope 1/6 is hard_swish.
void add_onnx_hard_sigmoid(OnnxBuilder& builder, const OnnxNode& node) {
  const auto any = accept::any<double>();
  const double alpha = node.attributes.number("alpha", 0.2, any, "");
  const double beta = node.attributes.number("beta", 0.5, any, "");
  const OnnxNode* const product = builder.only_reader(node.outputs[0], "Mul");
  const size_t other = product ? other_input(*product, node.outputs[0]) : 2;
  if (std::abs(alpha - 1.0 / 6) > 1e-6 || beta != 0.5 || other > 1 ||
      product->inputs[other] != node.inputs[0])
    node.attributes.refuse(
        "",
        fmt::format("has alpha {}, beta {}; accepted: 1/6 and 0.5, and a Mul with its own input "
                    "as the only reader, which together are hard_swish",
                    alpha, beta));
  OnnxValue out = builder.value(node, 0);
  out.in_net.node = builder.add_node(node, "hard_swish", {out.in_net.node});
  builder.skip(*product);
  builder.set_result(*product, out);
}

void add_onnx_softmax(OnnxBuilder& builder, const OnnxNode& node) {
  if (!builder.is_output(node))
    node.attributes.refuse("", "is inside the model; accepted: at its end, where it is left out");
  const OnnxValue& x = builder.value(node, 0);
  // Up to opset 12 the axis is where [N,C,...] becomes a matrix, and 1 by default.
  int64_t axis = node.attributes.integer("axis", builder.opset() < 13 ? 1 : -1,
                                         accept::between<int64_t>(-x.rank, x.rank - 1), "");
  if (axis < 0) axis += x.rank;
  const int64_t channels = x.has_channels_last ? 3 : 1;
  if (axis != channels)
    node.attributes.refuse("axis",
                           fmt::format("found {}; accepted: that of channels, {}", axis, channels));
  builder.set_result(node, x);
}

void add_onnx_identity(OnnxBuilder& builder, const OnnxNode& node) {
  builder.set_result(node, builder.padded_value(node, 0));
}

void add_onnx_dropout(OnnxBuilder& builder, const OnnxNode& node) {
  const auto any = accept::any<double>();
  node.attributes.number("ratio", 0.5, any, "of training");
  node.attributes.integer("seed", 0, accept::any<int64_t>(), "of training");
  if (node.has_input(2)) {
    const OnnxTensor& training = builder.required_constant(node, 2, "training_mode");
    if (training.integers.size() != 1 || training.integers[0] != 0)
      node.attributes.refuse("", "training_mode is true; accepted: false");
  }
  if (node.outputs.size() > 1 && !builder.readers(node.outputs[1]).empty())
    node.attributes.refuse("", "its second output, the mask, is read; accepted: only the first is");
  builder.set_result(node, builder.padded_value(node, 0));
}

void add_onnx_add(OnnxBuilder& builder, const OnnxNode& node) {
  if (node.operation == "Add" && take_hard_swish(builder, node)) return;
  if (node.inputs.size() == 1) return builder.set_result(node, builder.value(node, 0));
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (const OnnxTensor* const found = builder.constant(node, i))
      node.attributes.refuse(
          "",
          fmt::format("adds a constant of sizes {}; accepted: two computed values, or one value "
                      "for each channel right after a Conv, Gemm or MatMul without a bias",
                      yaml_list(found->sizes)));
  const std::vector<OnnxValue> x = equal_layouts(builder, node);
  for (const OnnxValue& value : x)
    if (builder.sizes_of(value) != builder.sizes_of(x[0]))
      node.attributes.refuse(
          "", fmt::format("adds values of sizes {} and {}; accepted: equal sizes",
                          yaml_list(builder.sizes_of(x[0])), yaml_list(builder.sizes_of(value))));
  OnnxValue out = x[0];
  out.in_net.node = builder.add_node(node, "add", nodes_of(x));
  builder.set_result(node, out);
}

void add_onnx_mul(OnnxBuilder& builder, const OnnxNode& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (const OnnxTensor* const found = builder.constant(node, i))
      node.attributes.refuse(
          "", fmt::format("multiplies with a constant of sizes {}; accepted: two computed values. "
                          "What scales the pixels belongs in the experiment's `standardize`",
                          yaml_list(found->sizes)));
  const std::vector<OnnxValue> x = equal_layouts(builder, node);
  const auto size = [&](const OnnxValue& value) {
    return builder.net().shape_of(value.in_net.node).elements();
  };
  OnnxValue out = size(x[0]) >= size(x[1]) ? x[0] : x[1];
  out.in_net.node = builder.add_node(node, "multiply", nodes_of(x));
  builder.set_result(node, out);
}

void add_onnx_concat(OnnxBuilder& builder, const OnnxNode& node) {
  const std::vector<OnnxValue> x = equal_layouts(builder, node);
  const int64_t rank = x[0].rank;
  int64_t axis = node.attributes.integer("axis", Options::required,
                                         accept::between<int64_t>(-rank, rank - 1), "");
  if (axis < 0) axis += rank;
  const int64_t channels = x[0].has_channels_last ? 3 : 1;
  if (axis != channels)
    node.attributes.refuse("axis",
                           fmt::format("found {}; accepted: that of channels, {}", axis, channels));
  if (x[0].flattened_from)
    node.attributes.refuse("",
                           "joins flattened images; accepted: images, or results of Gemm and "
                           "the like");
  OnnxValue out = x[0];
  if (x.size() > 1) out.in_net.node = builder.add_node(node, "concat", nodes_of(x));
  builder.set_result(node, out);
}

}  // namespace quantdyn
