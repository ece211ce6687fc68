// Floats of few bits: sign, exponent and mantissa, with their own largest value and special codes.
#pragma once

#include <cstdint>

namespace quantdyn {

/// Which codes with all exponent bits set are not numbers.
enum class SpecialCodes {
  ieee,        ///< all of them: infinity with mantissa 0, else NaN (IEEE 754; e5m2)
  finite_nan,  ///< that whose mantissa bits are all set too: NaN; no infinities (OCP e4m3)
  none         ///< none: every code is a number (OCP e2m1, e2m3, e3m2)
};

/// A format, and what values above its largest become. Bit patterns are sign, exponent, mantissa
/// from the top; a value is +-2^(exponent - bias) 1.mantissa, or subnormal where the exponent is 0:
/// +-2^(1 - bias) 0.mantissa (IEEE 754; OCP OFP8 and MX specifications, 2023).
struct FloatFormat {
  int exponent_bits = 4, mantissa_bits = 3, bias = 7;
  SpecialCodes special = SpecialCodes::finite_nan;
  bool saturates = true;  ///< else they become infinity or, where the format has none, NaN

  int bit_width() const { return 1 + exponent_bits + mantissa_bits; }
  float smallest_normal() const;
  float largest() const;  ///< finite; infinity where float32 has no such value
  /// What magnitudes above largest() become: largest(), infinity or NaN.
  float overflow() const;

  /// The nearest number of the format, ties to even; sign and NaN stay, -0 too.
  float rounded(float x) const;
  /// The bit pattern of a rounded value that is not a NaN of its own: NaN stands for overflow.
  int32_t code(float rounded) const;
  /// The number of a bit pattern; NaN where it is none, or infinity and the format saturates.
  float value(int32_t code) const;
};

}  // namespace quantdyn
