// The layers of a net in Keras' form, before they are written.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// An array of a layer, by its name in Keras ("depthwise_kernel").
struct ExportedArray {
  std::string name;
  std::vector<int64_t> sizes;
  std::span<const float> values;  ///< the net's own
};

struct ExportedLayer {
  std::string name, class_name;
  nlohmann::ordered_json config;
  std::vector<size_t> inputs;  ///< places of the layers that it reads
  std::vector<ExportedArray> arrays;
};

/// All layers: the input first, the output last, each after its inputs. ConfigError as
/// export_keras().
std::vector<ExportedLayer> layers_for_keras(const Network& network);

}  // namespace quantdyn
