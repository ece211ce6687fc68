#include <map>

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

/// A primitive and its options.
struct Primitive {
  std::string kind;
  KerasBuilder::Entries entries = {};
};

/// By Keras' name; activations that are linear in evaluation are not in it.
const std::map<std::string, Primitive>& activations() {
  static const std::map<std::string, Primitive> table{
      {"hard_silu", {"hard_swish"}},
      {"hard_swish", {"hard_swish"}},
      {"leaky_relu", {"leaky_relu", {{"slope", "0.2"}}}},  // Keras' default, unlike LeakyReLU's
      {"relu", {"relu"}},
      {"relu6", {"relu6"}},
      {"sigmoid", {"sigmoid"}}};
  return table;
}

void add_primitive(KerasBuilder& builder, const KerasLayer& layer, const Primitive& primitive,
                   const std::string& input, const std::string& name) {
  const std::string node =
      builder.add_node(layer, name, primitive.kind, {input}, primitive.entries);
  builder.set_result(layer, {node, {}, ""});
}

/// Makes `node`, after an activation of that name, the layer's result.
void activate(KerasBuilder& builder, const KerasLayer& layer, const std::string& activation,
              const std::string& node, const std::string& name) {
  if (activation == "softmax" && !builder.is_output(layer))
    layer.config.refuse("activation", "softmax inside the model; accepted: at its end");
  if (activation == "sigmoid" && builder.is_output(layer))
    layer.config.refuse(
        "activation",
        "sigmoid at the model's end, whose outputs must be logits; accepted: inside it");
  if (activation == "linear" || activation == "softmax")
    return builder.set_result(layer, {node, {}, ""});
  const auto found = activations().find(activation);
  if (found == activations().end()) {
    std::string names;
    for (const auto& [name_there, primitive] : activations()) names += ", " + name_there;
    layer.config.refuse("activation", fmt::format("'{}' is not supported; accepted: linear{}, and "
                                                  "softmax at the model's end",
                                                  activation, names));
  }
  add_primitive(builder, layer, found->second, node, name);
}

/// The slope that Keras calls negative_slope or alpha: relu for 0, else leaky_relu.
Primitive leaky(const KerasLayer& layer, const std::string& key, double slope) {
  if (!(slope >= 0 && slope <= 1))
    layer.config.refuse(key, fmt::format("found {}; accepted: from 0 to 1", slope));
  if (slope == 0) return {"relu"};
  return {"leaky_relu", {{"slope", fmt::format("{}", slope)}}};
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
  const double threshold = layer.config.number("threshold", 0.0, accept::any<double>(), "");
  if (threshold != 0)
    layer.config.refuse("threshold", fmt::format("found {}; accepted: 0", threshold));
  const double slope = layer.config.number("negative_slope", 0.0, accept::any<double>(), "");
  const bool is_limited = layer.config.has("max_value");
  const double limit =
      is_limited ? layer.config.number("max_value", Options::required, accept::any<double>(), "")
                 : 6;
  if (limit != 6)
    layer.config.refuse("max_value", fmt::format("found {}; accepted: none, or 6", limit));
  if (is_limited && slope != 0)
    layer.config.refuse("negative_slope",
                        fmt::format("found {} beside max_value; accepted: 0", slope));
  add_primitive(builder, layer,
                is_limited ? Primitive{"relu6"} : leaky(layer, "negative_slope", slope),
                builder.only_input(layer), layer.name);
}

void add_keras_leaky_relu(KerasBuilder& builder, const KerasLayer& layer) {
  const std::string key = layer.config.has("negative_slope") ? "negative_slope" : "alpha";
  const double slope = layer.config.number(key, 0.3, accept::any<double>(), "");
  add_primitive(builder, layer, leaky(layer, key, slope), builder.only_input(layer), layer.name);
}

}  // namespace quantdyn
