// The affine quantizer's arithmetic: the vectorised kernel that replaces values, and its reference.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/graph/tap.h"
#include "quant/kernels/draws.h"

namespace quantdyn {

/// To the nearest whole number, the ties as named; or up with the probability of the fraction.
enum class Rounding { half_to_even, half_away_from_zero, stochastic };
/// round(x / s) + z, or round(x / s + z).
enum class ZeroPointOrder { round_then_add, add_then_round };
/// x / s, or x (1 / s) with 1 / s rounded to float first.
enum class Scaling { divide, reciprocal };

/// Everything that decides an affine quantizer's bits; all arithmetic is float32.
///
/// q = clamp(round(x / s) + z, lowest_code, highest_code), y = (q - z) s, by the conventions named.
/// Stochastic rounding (Gupta et al. 2015, section 3) is floor(t) + [u < t - floor(t)], u uniform
/// in [0, 1) with 24 bits, with the order round_then_add. Zero points are whole numbers up to 2^24
/// in size, so codes are exact.
struct AffineGrid {
  Rounding rounding = Rounding::half_to_even;
  ZeroPointOrder order = ZeroPointOrder::round_then_add;
  Scaling scaling = Scaling::divide;
  int32_t lowest_code = 0, highest_code = 255;
  std::vector<float> scale, reciprocal, zero_point;  ///< one value, or one for each channel
  std::optional<Draws> draws;                        ///< where rounding is stochastic

  bool is_per_channel() const { return scale.size() > 1; }
};

/// Replaces a tile's values by their quantized image; NaN stays, bit for bit.
void affine_apply(const AffineGrid& grid, const MutableTile& tile);

/// to [rows, channels] = the same; `to` holds none of the tile's values.
void affine_apply_to(const AffineGrid& grid, const Tile& from, float* to);

/// The same, bit for bit, one value at a time.
void affine_apply_reference(const AffineGrid& grid, const MutableTile& tile);

/// The codes of a tile, packed: codes [rows, channels], `for_nan` where a value is NaN.
void affine_codes(const AffineGrid& grid, const Tile& tile, int32_t for_nan, int32_t* codes);

}  // namespace quantdyn
