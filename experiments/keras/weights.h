// The arrays of a Keras file, layer by layer.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/keras/model.h"
#include "framework/h5/h5.h"

namespace quantdyn {

/// The group `model_weights` of a Keras file. All errors are ConfigError and name file and layer.
class KerasWeights {
 public:
  /// ConfigError if the file has no such group.
  explicit KerasWeights(const h5::File& file);

  /// The values of a layer's array with one of `names` ("kernel" for "conv2d/kernel:0").
  /// ConfigError: no or several such arrays, another shape, no numbers, a value that is not finite.
  std::vector<float> read(const KerasLayer& layer, std::span<const std::string> names,
                          std::span<const int64_t> sizes) const;

 private:
  h5::Dataset find(const KerasLayer& layer, std::span<const std::string> names) const;

  h5::Group group_;
};

}  // namespace quantdyn
