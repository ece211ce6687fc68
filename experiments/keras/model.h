// A Keras model's configuration: its layers, and which layer reads which.
#pragma once

#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/config/config_node.h"
#include "framework/config/options.h"

namespace quantdyn {

/// One layer, called once.
struct KerasLayer {
  std::string name;
  std::string class_name;           ///< "Conv2D"
  ConfigNode::Pointer tree;         ///< the layer's own configuration
  Options config;                   ///< the same, as Options; errors name file, layer and class
  std::vector<std::string> inputs;  ///< names of its input layers, in order

  /// A boolean of the configuration: true, false, or 1 or 0 as Keras takes them.
  bool flag(const std::string& key, bool fallback) const;
};

/// One input, one output.
struct KerasModel {
  std::string name;
  Shape input;                     ///< of one image, [H,W,C]
  std::string input_layer;         ///< its name; not one of `layers`
  std::vector<KerasLayer> layers;  ///< each after its inputs
  std::string output_layer;
};

/// Reads the attribute `model_config` of a functional or sequential model, as Keras 2 and 3 write
/// it; `file` is for errors. Throws ConfigError: no such configuration, several inputs or outputs,
/// a layer that is called more than once, names that repeat or do not exist, cycles.
KerasModel parse_keras_model(const std::string& model_config, const std::string& file);

}  // namespace quantdyn
