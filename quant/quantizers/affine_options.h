// All options of the `affine` quantizer, and the profiles that set them together.
#pragma once

#include <cstdint>

#include "framework/config/options.h"
#include "quant/kernels/kernels.h"
#include "quant/quantizers/range.h"

namespace quantdyn {

/// Whose conventions are the defaults; README.md has the table, with versions and sources.
enum class Profile { none, torch, onnx, tflite, aimet };
/// Whether codes start at -2^(b - 1) or at 0; automatic: at 0 where no range goes below 0.
enum class Signedness { yes, no, automatic };
/// What a symmetric scale divides by: 127 or 127.5 at 8 bits; or each end by the codes on its side.
enum class Divisor { highest_code, half_span, each_side };
/// What happens to a range that is too narrow (that has no width, for example).
enum class Narrow {
  smallest_scale,      ///< that scale, if its own would be smaller
  scale_of_one,        ///< scale 1 and zero point 0, if its own scale would be smaller
  add_smallest_scale,  ///< that scale added to its own, if its own would be smaller
  widen                ///< `smallest_width` at both ends, if it is not wider than that
};
enum class Precision { float32, float64 };
/// z = q_min - round(low / s), or round(q_min - low / s).
enum class ZeroPointFormula { round_then_subtract, subtract_then_round };
enum class PowerOfTwo { none, ceil, nearest, floor };
/// Where the zero point is added; shift_then_round counts codes from 0 while it rounds.
enum class Order { round_then_add, add_then_round, shift_then_round };

struct AffineOptions {
  Profile profile;
  int bit_width;
  Granularity granularity = Granularity::per_tensor();
  bool is_symmetric, is_restricted, is_widened, widens_for_bias;
  Signedness signedness;
  Divisor divisor;
  Narrow narrow;
  double smallest_scale, smallest_width;
  Precision scale_precision;
  ZeroPointFormula zero_point_formula;
  Rounding zero_point_rounding;
  PowerOfTwo power_of_two;
  Rounding rounding;
  uint64_t seed;
  Order order;
  Scaling scaling;

  /// Throws ConfigError: unknown keys, values out of range, options that contradict each other.
  static AffineOptions read(const Options& options);
};

std::string to_string(Profile profile);

/// The option `power_of_two` of every scheme with a scale.
PowerOfTwo read_power_of_two(const Options& options, PowerOfTwo fallback, std::string_view help);
/// The power of two at, above, nearest to (in its logarithm) or below a positive number.
double rounded_to_power_of_two(double value, PowerOfTwo how);

}  // namespace quantdyn
