#include "experiments/keras/layers.h"

#include <algorithm>
#include <map>

#include "experiments/formats/momentum.h"
#include "experiments/formats/operator_table.h"
#include "experiments/keras/handlers.h"

namespace quantdyn {
namespace {

using Builder = KerasBuilder;

void add_dense(Builder& builder, const KerasLayer& layer) {
  const std::string input = builder.only_input(layer);
  const int64_t units =
      layer.config.integer("units", Options::required, accept::at_least<int64_t>(1), "");
  const std::string bias = layer.flag("use_bias", true) ? "true" : "false";
  const std::string node = builder.add_node(layer, layer.name, "dense", {input},
                                            {{"units", std::to_string(units)}, {"bias", bias}});
  builder.load(layer, node, {{"weight", {"kernel"}}, {"bias", {"bias"}}});
  activate_keras_layer(builder, layer, node);
}

void add_batch_norm(Builder& builder, const KerasLayer& layer) {
  const std::string input = builder.only_input(layer);
  const int64_t last = builder.shape_of(input).rank();  // Keras counts the batch, too
  const std::vector<int64_t> axis =
      layer.config.integers("axis", std::vector<int64_t>{-1}, accept::any<int64_t>(), "");
  if (axis.size() != 1 || (axis[0] != -1 && axis[0] != last))
    layer.config.refuse("axis", fmt::format("found [{}]; accepted: the last one, -1 or {}",
                                            fmt::join(axis, ", "), last));
  const double epsilon = layer.config.number("epsilon", 1e-3, accept::at_least(0.0), "");
  const double momentum = layer.config.number("momentum", 0.99, accept::between(0.0, 1.0), "");
  const std::string node =
      builder.add_node(layer, layer.name, "batch_norm", {input},
                       {{"epsilon", fmt::format("{}", epsilon)},
                        {"momentum", fmt::format("{}", other_momentum(momentum))}});
  std::vector<Builder::Source> arrays = {{"running_mean", {"moving_mean"}},
                                         {"running_variance", {"moving_variance"}}};
  if (layer.flag("scale", true)) arrays.push_back({"gamma", {"gamma"}});
  if (layer.flag("center", true)) arrays.push_back({"beta", {"beta"}});
  builder.load(layer, node, arrays);
  builder.set_result(layer, {node, {}, ""});
}

/// A primitive without options, of all inputs.
void merge(Builder& builder, const KerasLayer& layer, const std::string& kind) {
  std::vector<std::string> inputs;
  for (size_t i = 0; i < layer.inputs.size(); ++i) inputs.push_back(builder.input(layer, i));
  builder.set_result(layer, {builder.add_node(layer, layer.name, kind, inputs, {}), {}, ""});
}

void add_add(Builder& builder, const KerasLayer& layer) { merge(builder, layer, "add"); }
void add_multiply(Builder& builder, const KerasLayer& layer) { merge(builder, layer, "multiply"); }

void add_flatten(Builder& builder, const KerasLayer& layer) {
  std::string node = builder.only_input(layer);
  refuse_channels_first(layer);
  if (builder.shape_of(node).rank() > 1)
    node = builder.add_node(layer, layer.name, "flatten", {node}, {});
  builder.set_result(layer, {node, {}, ""});
}

void add_reshape(Builder& builder, const KerasLayer& layer) {
  const std::string input = builder.only_input(layer);
  const Shape& shape = builder.shape_of(input);
  const std::vector<int64_t> target =
      layer.config.integers("target_shape", Options::required, accept::at_least<int64_t>(-1), "");
  if (std::ranges::equal(target, shape.sizes())) {
    builder.set_result(layer, {input, {}, ""});
    return;
  }
  if (target.size() != 1 || (target[0] != -1 && target[0] != shape.elements()))
    layer.config.refuse(
        "target_shape",
        fmt::format("found {} of {}; accepted: [{}], what Flatten does",
                    fmt::format("[{}]", fmt::join(target, ", ")), shape.text(), shape.elements()));
  add_flatten(builder, layer);
}

void skip(Builder& builder, const KerasLayer& layer) {
  builder.set_result(layer, {builder.only_input(layer), {}, ""});
}

const std::map<std::string, void (*)(Builder&, const KerasLayer&)>& handlers() {
  static const std::map<std::string, void (*)(Builder&, const KerasLayer&)> table{
      {"Activation", add_keras_activation},
      {"Add", add_add},
      {"AveragePooling2D", add_keras_average_pool},
      {"BatchNormalization", add_batch_norm},
      {"Conv2D", add_keras_conv2d},
      {"Dense", add_dense},
      {"DepthwiseConv2D", add_keras_depthwise},
      {"Dropout", skip},
      {"Flatten", add_flatten},
      {"GlobalAveragePooling2D", add_keras_global_average_pool},
      {"LeakyReLU", add_keras_leaky_relu},
      {"MaxPooling2D", add_keras_max_pool},
      {"Multiply", add_multiply},
      {"ReLU", add_keras_relu},
      {"Reshape", add_reshape},
      {"SeparableConv2D", add_keras_separable},
      {"Softmax", add_keras_softmax},
      {"ZeroPadding2D", add_keras_zero_padding}};
  return table;
}

}  // namespace

std::vector<std::string> keras_handler_names() {
  std::vector<std::string> out;
  for (const auto& [name, handler] : handlers()) out.push_back(name);
  return out;
}

void add_keras_layer(KerasBuilder& builder, const KerasLayer& layer) {
  const auto handler = handlers().find(layer.class_name);
  if (handler == handlers().end())
    layer.config.refuse(
        "", "this class of layer is not supported; accepted: " + operator_names(Format::keras));
  handler->second(builder, layer);
}

}  // namespace quantdyn
