#include "experiments/keras/handlers.h"
#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

/// The activation's name: a text, or Keras 3's {class_name: function, config: name}.
std::string activation_of(const KerasLayer& layer) {
  const ConfigNode::Pointer given = layer.tree->find("activation");
  if (!given) return "linear";
  const ConfigNode::Pointer inside = given->find("config");
  const ConfigNode& name = inside ? *inside : *given;
  return name.kind == ConfigNode::Kind::scalar ? name.scalar : describe(name);
}

/// Makes `node`, after an activation of that name, the layer's result.
void activate(KerasBuilder& builder, const KerasLayer& layer, const std::string& activation,
              std::string node, const std::string& name) {
  if (activation == "softmax" && !builder.is_output(layer))
    layer.config.refuse("activation", "softmax inside the model; accepted: at its end");
  if (activation == "relu" || activation == "relu6")
    node = builder.add_node(layer, name, activation, {node}, {});
  else if (activation != "linear" && activation != "softmax")
    layer.config.refuse("activation",
                        fmt::format("'{}' is not supported; accepted: linear, relu, relu6, and "
                                    "softmax at the model's end",
                                    activation));
  builder.set_result(layer, {node, {}, ""});
}

}  // namespace

void activate_keras_layer(KerasBuilder& builder, const KerasLayer& layer, const std::string& node) {
  activate(builder, layer, activation_of(layer), node, layer.name + "_activation");
}

void add_keras_activation(KerasBuilder& builder, const KerasLayer& layer) {
  activate(builder, layer, activation_of(layer), builder.only_input(layer), layer.name);
}

void add_keras_softmax(KerasBuilder& builder, const KerasLayer& layer) {
  activate(builder, layer, "softmax", builder.only_input(layer), layer.name);
}

void add_keras_relu(KerasBuilder& builder, const KerasLayer& layer) {
  for (const char* key : {"negative_slope", "threshold"})
    if (const double value = layer.config.number(key, 0.0, any<double>(), ""); value != 0)
      layer.config.refuse(key, fmt::format("found {}; accepted: 0", value));
  const bool is_limited = layer.config.has("max_value");
  const double limit =
      is_limited ? layer.config.number("max_value", required, any<double>(), "") : 6;
  if (limit != 6)
    layer.config.refuse("max_value", fmt::format("found {}; accepted: none, or 6", limit));
  activate(builder, layer, is_limited ? "relu6" : "relu", builder.only_input(layer), layer.name);
}

}  // namespace quantdyn
