#include "quant/integer/fixed_point.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace quantdyn {
namespace {

__extension__ typedef __int128 Wide;

constexpr int64_t lowest = std::numeric_limits<int32_t>::min();
constexpr int64_t highest = std::numeric_limits<int32_t>::max();

/// x / 2^bits to nearest, ties away from zero.
Wide divide_away(Wide x, int bits) {
  if (bits == 0) return x;
  const Wide half = Wide{1} << (bits - 1);
  return x >= 0 ? (x + half) >> bits : -((-x + half) >> bits);
}

int64_t saturated(Wide x) {
  return static_cast<int64_t>(std::clamp<Wide>(x, std::numeric_limits<int64_t>::min(),
                                               std::numeric_limits<int64_t>::max()));
}

}  // namespace

FixedPointMultiplier fixed_point(double multiplier) {
  assert(multiplier > 0 && std::isfinite(multiplier));
  int shift = 0;
  const double fraction = std::frexp(multiplier, &shift);  // [1/2, 1)
  auto mantissa = static_cast<int64_t>(std::llround(fraction * 0x1p31));
  if (mantissa == int64_t{1} << 31) {
    mantissa /= 2;
    ++shift;
  }
  return {static_cast<int32_t>(mantissa), shift};
}

int64_t multiply(int64_t x, const FixedPointMultiplier& m, FixedPointRounding rounding) {
  if (rounding == FixedPointRounding::single) {
    const Wide product = Wide{x} * m.mantissa;
    const int bits = 31 - m.shift;
    if (bits > 126) return 0;
    // A nonzero product has at least 30 bits, so 33 more overflow any int64.
    return saturated(bits <= 0 ? product << std::min(-bits, 33)
                               : (product + (Wide{1} << (bits - 1))) >> bits);
  }
  const int64_t shifted = static_cast<int64_t>(
      std::clamp<Wide>(Wide{x} << std::clamp(m.shift, 0, 62), lowest, highest));
  const int64_t high = static_cast<int64_t>(
      std::clamp<Wide>(divide_away(Wide{shifted} * m.mantissa, 31), lowest, highest));
  return static_cast<int64_t>(divide_away(high, std::clamp(-m.shift, 0, 62)));
}

}  // namespace quantdyn
