// The layers of a net as Keras has them, before they are written.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// An array of a layer, by the name that Keras gives it ("depthwise_kernel").
struct ExportedArray {
  std::string name;
  std::vector<int64_t> sizes;
  std::span<const float> values;  ///< those of the net
};

struct ExportedLayer {
  std::string name, class_name;
  nlohmann::ordered_json config;
  std::vector<size_t> inputs;  ///< places of the layers that it reads
  std::vector<ExportedArray> arrays;
};

/// All layers, the input first, the output last, each after those that it reads. ConfigError as
/// export_keras().
std::vector<ExportedLayer> layers_for_keras(const Network& network);

}  // namespace quantdyn
