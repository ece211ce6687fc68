// Rounding to small floats: the vectorised kernel that replaces values, and its reference.
#pragma once

#include <vector>

#include "framework/graph/tap.h"
#include "quant/kernels/small_float.h"

namespace quantdyn {

/// y = s f(x / s), f the format's rounding; f(x) where there is no scale. Division and product are
/// float32.
struct FloatGrid {
  FloatFormat format;
  std::vector<float> scale;  ///< empty, one value, or one for each channel

  bool is_per_channel() const { return scale.size() > 1; }
};

/// Replaces a tile's values by their quantized image; NaN stays, bit for bit.
void float_apply(const FloatGrid& grid, const MutableTile& tile);

/// The same, bit for bit, one value at a time.
void float_apply_reference(const FloatGrid& grid, const MutableTile& tile);

/// The codes of a tile, packed: codes [rows, channels], `for_nan` where a value is NaN.
void float_codes(const FloatGrid& grid, const Tile& tile, int32_t for_nan, int32_t* codes);

}  // namespace quantdyn
