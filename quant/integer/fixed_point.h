// Multiplication of integers by a real number as integer hardware does it: mantissa and shift.
#pragma once

#include <cstdint>

namespace quantdyn {

/// How a requantization rounds its two divisions by powers of two: once after both, or after each
/// (Jacob et al. 2018, arXiv 1712.05877, section 2.2, as gemmlowp does it).
enum class FixedPointRounding { single, twice };

/// mantissa 2^(shift - 31), mantissa in [2^30, 2^31): within 2^-31 of the real number.
struct FixedPointMultiplier {
  int32_t mantissa;
  int shift;
};
/// The multiplier of a positive finite number.
FixedPointMultiplier fixed_point(double multiplier);

/// x multiplier, rounded to a whole number. single: ties up, from the exact product; twice: the
/// product over 2^31 to nearest, ties away from zero, in 32 bits saturating, then the shift
/// likewise.
int64_t multiply(int64_t x, const FixedPointMultiplier& multiplier, FixedPointRounding rounding);

}  // namespace quantdyn
