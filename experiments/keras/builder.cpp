#include "experiments/keras/builder.h"

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// The shape that Keras gives a parameter.
std::vector<int64_t> keras_sizes(const Shape& shape) {
  if (shape.rank() == 3) return {shape[0], shape[1], shape[2], 1};  // depthwise: a filter a channel
  return {shape.sizes().begin(), shape.sizes().end()};
}

}  // namespace

KerasBuilder::KerasBuilder(const KerasModel& model, const KerasWeights& weights)
    : model_(model), weights_(weights), net_(model.input) {
  values_[model.input_layer] = {net_.input_node(), {}, ""};
}

const std::string& KerasBuilder::input(const KerasLayer& layer, size_t position) const {
  const ImportedValue& value = values_.at(layer.inputs.at(position));
  if (!value.padded_by.empty())
    layer.config.refuse(
        "", fmt::format("reads the {}; accepted after one: convolutions and AveragePooling2D with "
                        "padding valid, MaxPooling2D if the layer before is a relu",
                        value.padded_by));
  return value.node;
}

const std::string& KerasBuilder::only_input(const KerasLayer& layer) const {
  only_value(layer);
  return input(layer, 0);
}

const ImportedValue& KerasBuilder::only_value(const KerasLayer& layer) const {
  if (layer.inputs.size() != 1)
    layer.config.refuse("", fmt::format("reads {} layers; accepted: one", layer.inputs.size()));
  return values_.at(layer.inputs[0]);
}

void KerasBuilder::load(const KerasLayer& layer, const std::string& node,
                        const std::vector<Source>& sources) {
  for (const Source& source : sources)
    if (const Shape shape = net_.shape_of_parameter(node, source.parameter); shape.rank() > 0)
      net_.load(node, source.parameter, weights_.read(layer, source.arrays, keras_sizes(shape)));
}

void KerasBuilder::set_result(const KerasLayer& layer, ImportedValue value) {
  values_[layer.name] = std::move(value);
}

Network KerasBuilder::finish() {
  return net_.finish(model_.output_layer, values_.at(model_.output_layer));
}

}  // namespace quantdyn
