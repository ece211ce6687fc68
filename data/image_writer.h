// From a dataset's pixels to a standardized, cropped and flipped image of a batch.
#pragma once

#include <vector>

#include "data/standardize.h"

namespace quantdyn {

/// How an image is moved: the crop of size [H,W] whose corner is at (top, left) of the image
/// framed by zeros, `padding` wide; then mirrored left to right or not.
struct Crop {
  int64_t padding = 0, top = 0, left = 0;
  bool is_mirrored = false;
};

/// Writes images of one dataset; holds the scratch memory for it, so one for each thread.
class ImageWriter {
 public:
  ImageWriter(const Dataset& dataset, const Standardization& standardization);

  /// Writes image i, [H,W,C], standardized and then cropped (so that the frame is 0 in the net's
  /// units) and returns its label.
  int64_t write(int64_t i, const Crop& crop, float* out);

 private:
  const Dataset& dataset_;
  Shape shape_;
  std::vector<float> mean_, factor_;  // of a row, [W*C]
  std::vector<float> image_, row_;
};

}  // namespace quantdyn
