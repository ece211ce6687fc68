// A convolution's window over one image, read as the left factor of a product.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/graph/channel_map.h"
#include "framework/graph/convolution.h"
#include "framework/graph/copying_transform.h"
#include "framework/graph/tap.h"
#include "layers/fused/products.h"

namespace quantdyn {

/// Images [images,H,W,C], or a map or a transform of them (padding is zero after it).
struct ImageSource {
  const float* data;
  const ChannelMap* map = nullptr;
  const Transform* transform = nullptr;
  const CopyingTransform* copying = nullptr;  ///< the same, if it is one

  ImageSource from(int64_t floats) const { return {data + floats, map, transform, copying}; }
  /// Whether the kernels may read `data` itself.
  bool is_as_stored() const { return map == nullptr && transform == nullptr; }
  /// to [rows, channels] = the values at data + at, with `row` floats between their rows; channel 0
  /// is the images' `first_channel`.
  void load(int64_t at, int64_t row, int64_t rows, int64_t channels, int64_t first_channel,
            float* to) const;
};

/// The neighbouring pixels (taps) that each output reads from an image [h,w,channels], and where
/// the outputs are stored. Forward reads x with the convolution's window; an input gradient reads
/// dy with the taps that reach one phase of the input's pixels.
struct ImageWindow {
  int64_t h, w, channels;
  int64_t group_channels;  ///< channels that one group reads
  int64_t taps_h, taps_w;
  int64_t first_h, first_w;    ///< the first tap of output (0, 0); negative in the padding
  int64_t stride_h, stride_w;  ///< from the taps of one output to those of the next
  int64_t out_h, out_w;
  int64_t to_line, to_row;  ///< floats from an output to the next line, to the next column

  /// Number of values that an output sums.
  int64_t depth() const { return taps_h * taps_w * group_channels; }
  /// Number of output lines that read up to `most_floats` of the image; at least one.
  int64_t band(int64_t most_floats) const;
  /// The image's rows that lines [line, line + lines) reach.
  struct RowRange {
    int64_t first, end;
  };
  RowRange image_rows(int64_t line, int64_t lines) const;
  /// Scratch that read() may need for this many lines.
  int64_t scratch_floats(int64_t lines) const;

  /// The left factor of output lines [line, line + lines) of the group that starts at `channel`:
  /// segments are the rows of taps. With padding, a map, a transform or several groups, the part of
  /// the image that they read is copied to `scratch`.
  LeftFactor read(const ImageSource& image, int64_t channel, int64_t line, int64_t lines,
                  float* scratch) const;

 private:
  int64_t width() const { return (out_w - 1) * stride_w + taps_w; }
  int64_t rows(int64_t lines) const { return (lines - 1) * stride_h + taps_h; }
  bool is_inside() const;
  void copy_rows(const ImageSource& image, int64_t channel, int64_t row, int64_t count,
                 float* to) const;
};

/// The window of a convolution's outputs, one group.
ImageWindow output_window(const Convolution& conv);

/// Input pixels (first_h + i stride_h, first_w + j stride_w), the filter's taps that reach them,
/// and the window on dy that gives their gradient.
struct GradientPhase {
  int64_t first_h, first_w;
  std::vector<int64_t> filter_rows, filter_columns;  ///< in the order of the window's taps
  ImageWindow window;
};

/// All phases of the stride for which the input has pixels; depth() is 0 if no tap reaches them.
std::vector<GradientPhase> gradient_phases(const Convolution& conv);

}  // namespace quantdyn
