#include "data/image_writer.h"

#include <algorithm>
#include <cassert>

namespace quantdyn {

ImageWriter::ImageWriter(const Dataset& dataset, const Standardization& standardization)
    : dataset_(dataset),
      shape_(dataset.sample_shape()),
      image_(static_cast<size_t>(shape_.elements())),
      row_(static_cast<size_t>(shape_[1] * shape_[2])) {
  assert(static_cast<int64_t>(standardization.mean.size()) == shape_[2]);
  assert(standardization.deviation.size() == standardization.mean.size());
  for (int64_t x = 0; x < shape_[1]; ++x) {
    for (size_t c = 0; c < static_cast<size_t>(shape_[2]); ++c) {
      mean_.push_back(static_cast<float>(standardization.mean[c]));
      factor_.push_back(static_cast<float>(1 / standardization.deviation[c]));
    }
  }
}

int64_t ImageWriter::write(int64_t i, const Crop& crop, float* out) {
  const int64_t label = dataset_.get(i, image_.data());
  const int64_t height = shape_[0], width = shape_[1], channels = shape_[2], row = width * channels;
  const int64_t shift = crop.left - crop.padding;  // output column x shows image column x + shift
  const int64_t begin = std::clamp<int64_t>(-shift, 0, width);
  const int64_t end = std::clamp<int64_t>(width - shift, begin, width);
  for (int64_t y = 0; y < height; ++y, out += row) {
    const int64_t from = y + crop.top - crop.padding;
    std::fill_n(out, row, 0.0f);
    if (from < 0 || from >= height) continue;
    const float* in = image_.data() + from * row + shift * channels;
    float* to = crop.is_mirrored ? row_.data() : out;
    for (int64_t k = begin * channels; k < end * channels; ++k)
      to[k] = (in[k] - mean_[k]) * factor_[k];
    if (!crop.is_mirrored) continue;
    for (int64_t x = begin; x < end; ++x)
      std::copy_n(to + x * channels, channels, out + (width - 1 - x) * channels);
  }
  return label;
}

}  // namespace quantdyn
