#include "experiments/keras/builder.h"

#include <algorithm>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// The shape that Keras gives a parameter.
std::vector<int64_t> keras_sizes(const Parameter<float>& parameter) {
  const Shape& shape = parameter.master.shape();
  if (shape.rank() == 3) return {shape[0], shape[1], shape[2], 1};  // depthwise: a filter a channel
  return {shape.sizes().begin(), shape.sizes().end()};
}

}  // namespace

KerasBuilder::KerasBuilder(const KerasModel& model, const KerasWeights& weights)
    : model_(model), weights_(weights), network_(model.input) {
  const std::string& input = network_.nodes().front().name;
  values_[model.input_layer] = {input, {}, ""};
  names_.make(input);  // taken
}

const std::string& KerasBuilder::input(const KerasLayer& layer, size_t position) const {
  const KerasValue& value = values_.at(layer.inputs.at(position));
  if (!value.padded_by.empty())
    layer.config.refuse(
        "", fmt::format("reads the ZeroPadding2D layer '{}'; accepted after one: convolutions and "
                        "AveragePooling2D with padding valid, MaxPooling2D if the layer before "
                        "is a relu",
                        value.padded_by));
  return value.node;
}

const std::string& KerasBuilder::only_input(const KerasLayer& layer) const {
  only_value(layer);
  return input(layer, 0);
}

const KerasValue& KerasBuilder::only_value(const KerasLayer& layer) const {
  if (layer.inputs.size() != 1)
    layer.config.refuse("", fmt::format("reads {} layers; accepted: one", layer.inputs.size()));
  return values_.at(layer.inputs[0]);
}

bool KerasBuilder::is_never_negative(const std::string& node) const {
  const Layer<float>* const layer = network_.layer(network_.index_of(node));
  const std::optional<Activation> activation = layer ? layer->activation() : std::nullopt;
  return activation && activation->values.low >= 0;
}

std::string KerasBuilder::add_node(const KerasLayer& layer, const std::string& name,
                                   const std::string& kind, std::vector<std::string> inputs,
                                   const Entries& entries) {
  const std::string node = names_.make(name);
  network_.add({.name = node,
                .kind = kind,
                .inputs = std::move(inputs),
                .options = layer.config.derive(entries),
                .unit = node});
  return node;
}

void KerasBuilder::load(const KerasLayer& layer, const std::string& node,
                        const std::vector<Source>& sources) {
  for (Parameter<float>* parameter : network_.layer(network_.index_of(node))->parameters())
    for (const Source& source : sources)
      if (parameter->name == source.parameter)
        std::ranges::copy(weights_.read(layer, source.arrays, keras_sizes(*parameter)),
                          parameter->master.data());
}

void KerasBuilder::set_result(const KerasLayer& layer, KerasValue value) {
  values_[layer.name] = std::move(value);
}

Network KerasBuilder::finish() {
  const KerasValue& value = values_.at(model_.output_layer);
  const std::string& output = value.node;
  if (!value.padded_by.empty())
    throw_error<ConfigError>(
        "the model ends with the ZeroPadding2D layer '{}'; accepted: before a "
        "convolution or a pooling",
        value.padded_by);
  if (network_.nodes().size() < 2 || output != network_.last_name())
    throw_error<ConfigError>("the model's output '{}' does not depend on its layer '{}'",
                             model_.output_layer, network_.last_name());
  network_.finish();
  return std::move(network_);
}

}  // namespace quantdyn
