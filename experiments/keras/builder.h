// A net under construction: the node of each Keras layer, names, parameters.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/formats/network_builder.h"
#include "experiments/keras/model.h"
#include "experiments/keras/weights.h"

namespace quantdyn {

/// The tools of the functions in keras/layers.cpp. All errors are ConfigError and name the layer.
class KerasBuilder {
 public:
  using Entries = NetworkBuilder::Entries;
  /// A parameter of a node and its names in Keras.
  struct Source {
    std::string parameter;
    std::vector<std::string> arrays;
  };

  /// Both must outlive this.
  KerasBuilder(const KerasModel& model, const KerasWeights& weights);

  /// The node that a layer reads at a position; ConfigError if it needs padding around it.
  const std::string& input(const KerasLayer& layer, size_t position) const;
  /// The same for a layer that may read only one layer.
  const std::string& only_input(const KerasLayer& layer) const;
  /// The input of such a layer, padded or not.
  const ImportedValue& only_value(const KerasLayer& layer) const;
  const Shape& shape_of(const std::string& node) const { return net_.shape_of(node); }
  /// Whether the node is an activation whose output is never negative.
  bool is_never_negative(const std::string& node) const { return net_.is_never_negative(node); }
  bool is_output(const KerasLayer& layer) const { return layer.name == model_.output_layer; }

  /// NetworkBuilder's, at a layer.
  std::string add_node(const KerasLayer& layer, const std::string& name, const std::string& kind,
                       std::vector<std::string> inputs, const Entries& entries) {
    return net_.add_node(layer.config, name, kind, std::move(inputs), entries);
  }
  /// Fills parameters of a node. A depthwise weight [kh,kw,C] is [kh,kw,C,1] in Keras.
  void load(const KerasLayer& layer, const std::string& node, const std::vector<Source>& sources);
  /// Sets the result that a layer's readers read; call it once for every layer.
  void set_result(const KerasLayer& layer, ImportedValue value);

  /// The net; ConfigError if its last node is not the model's output.
  Network finish();

 private:
  const KerasModel& model_;
  const KerasWeights& weights_;
  NetworkBuilder net_;
  std::map<std::string, ImportedValue> values_;  // by Keras layer
};

}  // namespace quantdyn
