// Keeps every value that a tap shows.
#pragma once

#include <utility>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/graph/tap.h"

namespace quantdyn {

/// Holds the values of all images in memory, in the order of the images.
class Recorder final : public Observer {
 public:
  /// `image`: the shape of one image's values.
  explicit Recorder(const Shape& image);

  void add(const Tile& tile) override;
  void end_chunk(int64_t, int) override {}
  /// [images,...]; what was kept is given away.
  Tensor<float> finish();

 private:
  struct Chunk {
    int64_t index;
    std::vector<float> values;  // of eight images, those that were not shown at the end
    int64_t rows = 0;           // shown
  };
  Shape image_;
  std::vector<std::vector<Chunk>> workers_;
};

}  // namespace quantdyn
