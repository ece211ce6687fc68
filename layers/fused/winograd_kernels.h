// The transforms of Winograd convolution F(4x4, 3x3), vectorized over channels.
#pragma once

#include <cstdint>

#include "framework/graph/channel_map.h"

namespace quantdyn {

/// Y = A^T [(G g G^T) (B^T d B)] A for tiles of 4 x 4 outputs, Lavin and Gray 2016 (arXiv
/// 1509.09308), section 4.3.
///
/// A transformed tile has 36 values per channel. Arrays of them are [36, ...]: value xi of tile t,
/// channel c is at xi * plane + t * channels + c.
struct WinogradTile {
  static constexpr int64_t outputs = 4;  ///< per side
  static constexpr int64_t inputs = 6;   ///< per side
  static constexpr int64_t values = inputs * inputs;
};

/// The place of a tile in an image [h,w,channels]. Its first row and column may be below 0; it may
/// reach past the image's end.
struct ImageTile {
  int64_t h, w, channels;
  int64_t row, column;
};

/// to = B^T d B of 6 x 6 inputs, mapped first if there is a map (null: none); zeros outside the
/// image.
void winograd_input(const float* image, const ChannelMap* map, const ImageTile& tile, float* to,
                    int64_t plane);
/// image (+)= A^T m A, mapped if there is a map (null: none; not with `add`): those of the 4 x 4
/// outputs that are inside the image.
void winograd_output(const float* from, int64_t plane, float* image, const ImageTile& tile,
                     const ChannelMap* map, bool add);
/// to = A y A^T of 4 x 4 gradients, zeros outside the image: the transpose of winograd_output.
void winograd_output_gradient(const float* image, const ImageTile& tile, float* to, int64_t plane);

/// to [36,plane] = G g G^T of a weight [3,3,plane], places [first, end) of the plane.
void winograd_weight(const float* weight, int64_t plane, int64_t first, int64_t end, float* to);
/// weight [3,3,in,out] += G^T u G: the transpose of winograd_weight.
void winograd_weight_gradient(const float* from, int64_t in_channels, int64_t out_channels,
                              float* weight);

}  // namespace quantdyn
