// The affine quantizer's arithmetic: the vectorised kernel that replaces values, and its reference.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/tap.h"

namespace quantdyn {

enum class Rounding { half_to_even, half_away_from_zero };
/// round(x / s) + z, or round(x / s + z).
enum class ZeroPointOrder { round_then_add, add_then_round };
/// x / s, or x (1 / s) with 1 / s rounded to float first.
enum class Scaling { divide, reciprocal };

/// Everything that decides an affine quantizer's bits; all of the arithmetic is float32.
///
/// q = clamp(round(x / s) + z, lowest_code, highest_code), y = (q - z) s, by the conventions named.
/// Zero points are whole numbers up to 2^24 in size, so codes are exact.
struct AffineGrid {
  Rounding rounding = Rounding::half_to_even;
  ZeroPointOrder order = ZeroPointOrder::round_then_add;
  Scaling scaling = Scaling::divide;
  int32_t lowest_code = 0, highest_code = 255;
  std::vector<float> scale, reciprocal, zero_point;  ///< one value, or one for each channel

  bool is_per_channel() const { return scale.size() > 1; }
};

/// The code of a value that is not NaN, as a float.
float affine_code(const AffineGrid& grid, int64_t entry, float x);

/// Replaces a tile's values by their quantized image; NaN stays, bit for bit.
void affine_apply(const AffineGrid& grid, const MutableTile& tile);

/// The same, bit for bit, one value at a time.
void affine_apply_reference(const AffineGrid& grid, const MutableTile& tile);

}  // namespace quantdyn
