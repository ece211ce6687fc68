// The geometry of a convolution or a pooling window, and the walk over it.
#pragma once

#include <cstdint>

namespace quantdyn {

/// One image's geometry, in pixels and channels; pads are zeros around the input.
///
/// Output (y, x) reads input rows y stride_h - pad_top + [0, kernel_h) and columns
/// x stride_w - pad_left + [0, kernel_w). Weights are [kernel_h, kernel_w, in_c / groups, out_c];
/// depthwise [kernel_h, kernel_w, out_c].
struct Convolution {
  int64_t in_h = 0, in_w = 0, in_c = 0;
  int64_t out_h = 0, out_w = 0, out_c = 0;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
  int64_t groups = 1;

  /// Whether each channel has its own filter.
  bool is_depthwise() const { return groups > 1 && groups == in_c && groups == out_c; }
  /// Whether it multiplies each pixel's channels by one matrix (the stride may be above 1).
  bool is_pointwise() const {
    return kernel_h == 1 && kernel_w == 1 && groups == 1 && !has_padding();
  }
  bool has_padding() const {
    return pad_top > 0 || pad_bottom > 0 || pad_left > 0 || pad_right > 0;
  }
  int64_t fan_in() const { return kernel_h * kernel_w * in_c / groups; }
  /// Of one image.
  int64_t multiply_accumulates() const { return out_h * out_w * out_c * fan_in(); }
};

/// Calls visit(tap, pixel) for every place of the window at output (row, column) that is inside the
/// image, in row-major order: `tap` is the index in the kernel, `pixel` the index in the image.
template <typename Visit>
void visit_window(const Convolution& g, int64_t row, int64_t column, const Visit& visit) {
  for (int64_t i = 0; i < g.kernel_h; ++i) {
    const int64_t y = row * g.stride_h - g.pad_top + i;
    if (y < 0 || y >= g.in_h) continue;
    for (int64_t j = 0; j < g.kernel_w; ++j) {
      const int64_t x = column * g.stride_w - g.pad_left + j;
      if (x >= 0 && x < g.in_w) visit(i * g.kernel_w + j, y * g.in_w + x);
    }
  }
}

/// What a pooling layer does with the pixels under its window.
struct Pooling {
  enum class Kind { max, average };
  Kind kind;
  Convolution window;   ///< in_c = out_c, one filter per channel
  bool counts_padding;  ///< whether an average counts padded zeros as values
};

}  // namespace quantdyn
