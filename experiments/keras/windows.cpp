// Keras layers in which a window slides over an image: convolutions, pools, and the zeros around
// them.
#include <algorithm>

#include "experiments/keras/handlers.h"
#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

/// The window's options; the padding is the layer's own, or that of the ZeroPadding2D before it.
KerasBuilder::Entries window_of(const KerasBuilder& builder, const KerasLayer& layer,
                                const std::string& kernel_key) {
  refuse_channels_first(layer);
  const auto size = accept::between<int64_t>(1, 4096);
  const std::vector<int64_t> kernel =
      layer.config.integers(kernel_key, Options::required, size, "of the window");
  const bool is_pool = kernel_key == "pool_size";
  const std::vector<int64_t> stride = layer.config.integers(
      "strides", is_pool ? kernel : std::vector<int64_t>{1}, size, "of the window");
  std::string padding = layer.config.choice(
      "padding", "valid", std::vector<std::string>{"valid", "same"}, "of the window");
  for (const int64_t dilation : layer.config.integers(
           "dilation_rate", std::vector<int64_t>{1}, accept::at_least<int64_t>(1), "of the kernel"))
    if (dilation != 1)
      layer.config.refuse("dilation_rate", fmt::format("found {}; accepted: 1", dilation));
  const ImportedValue& input = builder.only_value(layer);
  if (!input.padded_by.empty()) {
    if (padding != "valid") builder.only_input(layer);  // refuses it
    padding = yaml_list(input.padding);
  }
  return {{"kernel", yaml_list(kernel)}, {"stride", yaml_list(stride)}, {"padding", padding}};
}

/// The node whose pixels a window slides over, padded or not.
const std::string& image_of(const KerasBuilder& builder, const KerasLayer& layer) {
  const std::string& node = builder.only_value(layer).node;
  if (builder.shape_of(node).rank() != 3)
    layer.config.refuse("", fmt::format("reads {}; accepted: [height, width, channels]",
                                        builder.shape_of(node).text()));
  return node;
}

/// The depthwise convolution of DepthwiseConv2D and SeparableConv2D.
std::string add_filters(KerasBuilder& builder, const KerasLayer& layer, const std::string& name,
                        bool has_bias) {
  const std::string input = image_of(builder, layer);
  const int64_t multiplier =
      layer.config.integer("depth_multiplier", 1, accept::any<int64_t>(), "");
  if (multiplier != 1)
    layer.config.refuse("depth_multiplier", fmt::format("found {}; accepted: 1", multiplier));
  KerasBuilder::Entries entries = window_of(builder, layer, "kernel_size");
  const std::string channels = std::to_string(builder.shape_of(input).channels());
  entries.emplace_back("channels", channels);
  entries.emplace_back("groups", channels);
  entries.emplace_back("bias", yaml_flag(has_bias));
  return builder.add_node(layer, name, "conv2d", {input}, entries);
}

}  // namespace

void refuse_channels_first(const KerasLayer& layer) {
  layer.config.choice("data_format", "channels_last", std::vector<std::string>{"channels_last"},
                      "");
}

void add_keras_conv2d(KerasBuilder& builder, const KerasLayer& layer) {
  const std::string input = image_of(builder, layer);
  KerasBuilder::Entries entries = window_of(builder, layer, "kernel_size");
  const auto count = accept::at_least<int64_t>(1);
  entries.emplace_back(
      "channels", std::to_string(layer.config.integer("filters", Options::required, count, "")));
  entries.emplace_back("groups", std::to_string(layer.config.integer("groups", 1, count, "")));
  entries.emplace_back("bias", yaml_flag(layer.flag("use_bias", true)));
  const std::string node = builder.add_node(layer, layer.name, "conv2d", {input}, entries);
  builder.load(layer, node, {{"weight", {"kernel"}}, {"bias", {"bias"}}});
  activate_keras_layer(builder, layer, node);
}

void add_keras_depthwise(KerasBuilder& builder, const KerasLayer& layer) {
  const bool has_bias = layer.flag("use_bias", true);
  const std::string node = add_filters(builder, layer, layer.name, has_bias);
  builder.load(layer, node, {{"weight", {"depthwise_kernel", "kernel"}}, {"bias", {"bias"}}});
  activate_keras_layer(builder, layer, node);
}

/// Depthwise without bias, then pointwise.
void add_keras_separable(KerasBuilder& builder, const KerasLayer& layer) {
  const std::string filtered = add_filters(builder, layer, layer.name + "_dw", false);
  builder.load(layer, filtered, {{"weight", {"depthwise_kernel"}}});
  const std::string filters = std::to_string(
      layer.config.integer("filters", Options::required, accept::at_least<int64_t>(1), ""));
  const std::string bias = yaml_flag(layer.flag("use_bias", true));
  const std::string node =
      builder.add_node(layer, layer.name + "_pw", "conv2d", {filtered},
                       {{"channels", filters}, {"kernel", "1"}, {"bias", bias}});
  builder.load(layer, node, {{"weight", {"pointwise_kernel"}}, {"bias", {"bias"}}});
  activate_keras_layer(builder, layer, node);
}

void add_keras_max_pool(KerasBuilder& builder, const KerasLayer& layer) {
  const std::string input = image_of(builder, layer);
  if (!builder.is_never_negative(input)) builder.only_input(layer);  // a zero could win
  const KerasBuilder::Entries window = window_of(builder, layer, "pool_size");
  builder.set_result(layer,
                     {builder.add_node(layer, layer.name, "max_pool", {input}, window), {}, ""});
}

void add_keras_average_pool(KerasBuilder& builder, const KerasLayer& layer) {
  const std::string input = image_of(builder, layer);
  KerasBuilder::Entries window = window_of(builder, layer, "pool_size");
  const bool is_padded = !builder.only_value(layer).padded_by.empty();
  window.emplace_back("count_padding", yaml_flag(is_padded));
  builder.set_result(
      layer, {builder.add_node(layer, layer.name, "average_pool", {input}, window), {}, ""});
}

void add_keras_global_average_pool(KerasBuilder& builder, const KerasLayer& layer) {
  builder.only_input(layer);
  const std::string input = image_of(builder, layer);
  refuse_channels_first(layer);
  std::string kind = "global_average_pool";
  KerasBuilder::Entries entries;
  if (layer.flag("keepdims", false)) {  // [1,1,C]
    const Shape& shape = builder.shape_of(input);
    kind = "average_pool";
    entries = {{"kernel", fmt::format("[{}, {}]", shape[0], shape[1])}};
  }
  builder.set_result(layer, {builder.add_node(layer, layer.name, kind, {input}, entries), {}, ""});
}

void add_keras_zero_padding(KerasBuilder& builder, const KerasLayer& layer) {
  const std::string input = builder.only_input(layer);
  image_of(builder, layer);
  refuse_channels_first(layer);
  const ConfigNode::Pointer padding = layer.tree->find("padding");
  if (!padding) layer.config.refuse("padding", "missing");
  ImportedValue value{input, {}, fmt::format("ZeroPadding2D layer '{}'", layer.name)};
  std::vector<int64_t> sides;
  for (const ConfigNode::Pointer& axis : padding->items)
    for (const int64_t side : read_list(*axis, "padding", [](const ConfigNode& item) {
           return read_number(item, "padding", accept::between<int64_t>(0, 4096));
         }))
      sides.push_back(side);
  if (sides.size() != 4) layer.config.refuse("padding", "accepted: [[top, bottom], [left, right]]");
  std::ranges::copy(sides, value.padding.begin());
  builder.set_result(layer, value);
}

}  // namespace quantdyn
