// The bins of a log-linear histogram: fixed edges, the same for every layer, epoch and run.
#pragma once

#include <bit>
#include <cstdint>

namespace quantdyn {

/// Per sign 36 octaves of |x| with 2^mantissa_bits equal bins each, and eight more bins: zero,
/// NaN, and per sign underflow, overflow and infinity.
///
/// Bins are in value order: -infinity, overflow, octaves of falling magnitude, underflow, 0 (the
/// middle), then the positive ones, and NaN last. A bin holds magnitudes |x| in [a, b), a included.
/// The float's bits give the bin: the exponent and the first mantissa bits. Denormals are
/// underflow, -0 is zero. Why fixed edges: stats/README.md, Bins.
struct LogBins {
  static constexpr int octaves = 36;

  int mantissa_bits = 3;      ///< 0 to 10
  int lowest_exponent = -24;  ///< octaves start at 2^lowest_exponent; -126 to 91 (gradients: -48)

  int32_t per_sign() const { return octaves << mantissa_bits; }
  int32_t zero() const { return per_sign() + 3; }
  int32_t nan() const { return 2 * zero() + 1; }
  int32_t size() const { return nan() + 1; }

  /// Where the first regular bin starts, in units of 2^-mantissa_bits octaves.
  int32_t first_step() const { return (127 + lowest_exponent) << mantissa_bits; }
  int32_t index(float value) const {
    const auto bits = std::bit_cast<uint32_t>(value);
    const auto magnitude = static_cast<int32_t>(bits & 0x7fffffffu);
    if (magnitude > infinity_bits) return nan();
    const int32_t from_zero = magnitude_index(magnitude);
    return bits >> 31 ? zero() - from_zero : zero() + from_zero;
  }
  /// The edges of a bin, lower <= upper; both are NaN for the NaN bin. Overflow ends at the largest
  /// finite float.
  double lower(int32_t bin) const;
  double upper(int32_t bin) const;

  friend bool operator==(const LogBins&, const LogBins&) = default;

  static constexpr int32_t infinity_bits = 0x7f800000;

 private:
  /// 0 for zero, 1 underflow, 2 ... the octaves, then overflow and infinity.
  int32_t magnitude_index(int32_t bits) const {
    if (bits == 0) return 0;
    if (bits == infinity_bits) return per_sign() + 3;
    const int32_t step = (bits >> (23 - mantissa_bits)) - first_step();
    if (step < 0) return 1;
    return step < per_sign() ? step + 2 : per_sign() + 2;
  }
  double magnitude_from(int32_t from_zero) const;
  double magnitude_to(int32_t from_zero) const;
};

}  // namespace quantdyn
