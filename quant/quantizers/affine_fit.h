// From a range to an affine scale and zero point, by the conventions of the options.
#pragma once

#include <string>

#include "quant/quantizers/affine_options.h"

namespace quantdyn {

/// The codes that a fitted scheme gives: signed codes start at -2^(bit_width - 1).
struct AffineCodes {
  int32_t first, lowest, highest;  ///< lowest is first, or the one above where restricted

  AffineCodes(const AffineOptions& options, bool is_signed);
};

/// What one entry got; zero_point is a whole number.
struct AffineEntry {
  float scale, zero_point;
  bool at_smallest;  ///< the range was too narrow, and `narrow` decided
  bool is_widened;   ///< the scale is `least_scale`, not the range's
};

/// The range that the scheme covers: widened to zero if the scheme does that.
Range covered_range(const AffineOptions& options, const Range& range);

/// Asymmetric: s = (high - low) / (highest - lowest), z as the option `zero_point` says (Jacob et
/// al. 2018, section 3). Symmetric: s = max|x| / divisor, z = 0. A power of two is taken last
/// (ceil: Jain et al. 2019, TQT, equation 2). A scale under `least_scale` becomes that, or the
/// power of two above it. Throws Error naming the tensor if a scale is not finite, or a range goes
/// below 0 and codes are symmetric and unsigned.
AffineEntry fit_affine(const AffineOptions& options, const AffineCodes& codes, const Range& range,
                       double least_scale, const std::string& tensor);

}  // namespace quantdyn
