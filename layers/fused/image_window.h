// A convolution's window over one image, read as the left factor of a product.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/graph/channel_map.h"
#include "framework/graph/convolution.h"
#include "layers/fused/products.h"

namespace quantdyn {

/// The taps of neighbouring pixels that each output reads from an image [h,w,channels], and where
/// the outputs are stored. Forward reads x by the convolution's own window; an input gradient reads
/// dy by the taps that reach one phase of the input's pixels.
struct ImageWindow {
  int64_t h, w, channels;
  int64_t group_channels;  ///< channels that one group reads
  int64_t taps_h, taps_w;
  int64_t first_h, first_w;    ///< the first tap of output (0, 0); negative in the padding
  int64_t stride_h, stride_w;  ///< taps of the next output
  int64_t out_h, out_w;
  int64_t to_line, to_row;  ///< floats between outputs of the next line, the next column

  /// Values that an output is a sum of.
  int64_t depth() const { return taps_h * taps_w * group_channels; }
  /// Lines of outputs whose part of the image has up to `most_floats`; at least one.
  int64_t band(int64_t most_floats) const;
  /// The image's rows that lines [line, line + lines) reach.
  struct RowRange {
    int64_t first, end;
  };
  RowRange image_rows(int64_t line, int64_t lines) const;
  /// What read() may need for this many lines.
  int64_t scratch_floats(int64_t lines) const;

  /// Output lines [line, line + lines) of the group whose channels start at `channel`: segments are
  /// the rows of taps. Where there is padding, a map (null: none) or more groups, their part of the
  /// image is copied to `scratch`.
  LeftFactor read(const float* image, const ChannelMap* map, int64_t channel, int64_t line,
                  int64_t lines, float* scratch) const;

 private:
  int64_t width() const { return (out_w - 1) * stride_w + taps_w; }
  int64_t rows(int64_t lines) const { return (lines - 1) * stride_h + taps_h; }
  bool is_inside() const;
  void copy_rows(const float* image, const ChannelMap* map, int64_t channel, int64_t row,
                 int64_t count, float* to) const;
};

/// The window of a convolution's outputs, one group.
ImageWindow output_window(const Convolution& conv);

/// Input pixels (first_h + i stride_h, first_w + j stride_w), the taps of the filter that reach
/// them and the window on dy that their gradient is the sum over.
struct GradientPhase {
  int64_t first_h, first_w;
  std::vector<int64_t> filter_rows, filter_columns;  ///< in the order of the window's taps
  ImageWindow window;
};

/// All phases of the stride that the input has pixels of; where no tap reaches, depth() is 0.
std::vector<GradientPhase> gradient_phases(const Convolution& conv);

}  // namespace quantdyn
