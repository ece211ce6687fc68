// Vectorized depthwise convolution of some lines of one image: sums over taps and their gradient.
#pragma once

#include "layers/fused/fetch_ahead.h"
#include "layers/fused/image_window.h"

namespace quantdyn {

/// Rows of an image [.., w, channels], from row `first` on, which is at `data`.
struct ImageRows {
  const float* data;
  int64_t first = 0;
};

/// Output lines [line, line + lines) of a window of all channels (group_channels = channels): to
/// (+)= sum of the taps inside the image times weight [taps_h, taps_w, channels], as one chain in
/// the order of the taps. Every vector of outputs fetches lines of `ahead`.
void depthwise_sums(const ImageWindow& window, const ImageRows& x, int64_t line, int64_t lines,
                    const float* weight, const ProductRows& to, Accumulate accumulate,
                    FetchAhead* ahead = nullptr);

/// dweight [taps_h, taps_w, channels] += its gradient from dy [lines, out_w, channels] of these
/// lines. Sums along a line stay in registers; lines are added in order.
void depthwise_weight_gradient(const ImageWindow& window, const ImageRows& x, int64_t line,
                               int64_t lines, const float* dy, float* dweight,
                               FetchAhead* ahead = nullptr);

}  // namespace quantdyn
