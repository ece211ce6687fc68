#include "quant/quantizers/affine_fit.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {
namespace {

/// The ends while a scale is computed from them, and whether the range is reported as narrow.
template <typename T>
struct Ends {
  T low, high;
  bool is_narrow = false;

  T size() const { return std::max(std::abs(low), std::abs(high)); }
};

/// What the negative and the positive end are divided by where each side has its own codes.
template <typename T>
T scale_of_sides(const Ends<T>& ends, const AffineCodes& codes) {
  const auto below = static_cast<T>(-codes.lowest), above = static_cast<T>(codes.highest);
  // AIMET: at 2 bits -2 ... 1 the positive end is divided by 2 too, which cuts it.
  const T divisor = below + above == 3 ? above + 1 : above;
  const T step = std::max(ends.high / divisor, -ends.low / below);
  return (above * step + below * step) / (below + above);  // it keeps the ends, not the scale
}

template <typename T>
T scale_of(const AffineOptions& options, const Ends<T>& ends, const AffineCodes& codes) {
  const auto highest = static_cast<T>(codes.highest);
  const auto steps = static_cast<T>(codes.highest - codes.lowest);
  if (!options.is_symmetric) return (ends.high - ends.low) / steps;
  if (codes.lowest == 0 || options.divisor == Divisor::highest_code) return ends.size() / highest;
  if (options.divisor == Divisor::half_span) return ends.size() / (steps / 2);
  return scale_of_sides(ends, codes);
}

/// Narrow::widen and Narrow::add_smallest_scale, which act on the range.
template <typename T>
void widen_narrow(const AffineOptions& options, const AffineCodes& codes, Ends<T>& ends) {
  const auto steps = static_cast<T>(codes.highest - codes.lowest);
  const T width = options.is_symmetric && options.narrow == Narrow::widen ? 2 * ends.size()
                                                                          : ends.high - ends.low;
  if (options.narrow == Narrow::widen) {
    const auto smallest = static_cast<T>(static_cast<float>(options.smallest_width));
    ends.is_narrow = width <= smallest;
    if (!ends.is_narrow) return;
    if (options.is_symmetric) {  // just enough that it is no longer narrow
      ends.low = std::min(ends.low, codes.lowest < 0 ? -smallest / 2 : T{0});
      ends.high = std::max(ends.high, smallest / 2);
    } else {
      ends.low -= smallest;
      ends.high += smallest;
    }
  } else if (options.narrow == Narrow::add_smallest_scale) {
    const auto smallest = static_cast<T>(options.smallest_scale);
    ends.is_narrow = width / steps < smallest;
    if (!ends.is_narrow) return;
    if (options.is_symmetric) ends.low += static_cast<T>(codes.lowest) * smallest;
    ends.high += (options.is_symmetric ? static_cast<T>(codes.highest) : steps) * smallest;
  }
}

template <typename T>
T rounded(Rounding rounding, T value) {
  return rounding == Rounding::half_to_even ? std::nearbyint(value) : std::round(value);
}

template <typename T>
T zero_point_of(const AffineOptions& options, const Ends<T>& ends, T scale,
                const AffineCodes& codes) {
  const auto lowest = static_cast<T>(codes.lowest), highest = static_cast<T>(codes.highest);
  const T steps_below = ends.low / scale;
  const T zero_point = options.zero_point_formula == ZeroPointFormula::round_then_subtract
                           ? lowest - rounded(options.zero_point_rounding, steps_below)
                           : rounded(options.zero_point_rounding, lowest - steps_below);
  return options.is_widened ? std::clamp(zero_point, lowest, highest) : zero_point;
}

/// `T` is the precision of everything before the results.
template <typename T>
AffineEntry fit(const AffineOptions& options, const AffineCodes& codes, const Range& range,
                double least_scale, const std::string& tensor) {
  const Range covered = covered_range(options, range);
  Ends<T> ends{static_cast<float>(covered.low), static_cast<float>(covered.high)};
  widen_narrow(options, codes, ends);
  T scale = scale_of(options, ends, codes);
  auto smallest = static_cast<T>(options.smallest_scale);
  // Floats above 2^24 cannot hold every zero point; only ranges that exclude zero come near.
  if (!options.is_symmetric) smallest = std::max(smallest, ends.size() / static_cast<T>(0x1p23));
  const bool takes_smallest = options.narrow != Narrow::widen && scale < smallest;
  const bool takes_one = takes_smallest && options.narrow == Narrow::scale_of_one;
  if (takes_smallest) scale = takes_one ? 1 : smallest;
  scale = static_cast<T>(rounded_to_power_of_two(scale, options.power_of_two));
  const auto least = static_cast<T>(static_cast<float>(least_scale));
  const bool is_widened = scale < least;
  if (is_widened)
    scale = options.power_of_two == PowerOfTwo::none
                ? least
                : static_cast<T>(rounded_to_power_of_two(least, PowerOfTwo::ceil));
  if (!std::isfinite(static_cast<float>(scale)))
    throw_error<Error>(
        "{}: range [{}, {}] cannot be quantized; accepted: finite ends less than 3.4e38 apart",
        tensor, range.low, range.high);
  const T zero_point = options.is_symmetric
                           ? 0
                           : (takes_one ? static_cast<T>(std::clamp(0, codes.lowest, codes.highest))
                                        : zero_point_of(options, ends, scale, codes));
  return {static_cast<float>(scale), static_cast<float>(zero_point) + 0.0f,
          ends.is_narrow || takes_smallest, is_widened};
}

}  // namespace

AffineCodes::AffineCodes(const AffineOptions& options, bool is_signed)
    : first(is_signed ? -(1 << (options.bit_width - 1)) : 0),
      lowest(first + (options.is_restricted && (is_signed || !options.is_symmetric) ? 1 : 0)),
      highest(first + (1 << options.bit_width) - 1) {}

Range covered_range(const AffineOptions& options, const Range& range) {
  return options.is_widened ? widened_to_zero(range) : range;
}

AffineEntry fit_affine(const AffineOptions& options, const AffineCodes& codes, const Range& range,
                       double least_scale, const std::string& tensor) {
  if (options.is_symmetric && codes.first == 0 && range.low < 0)
    throw_error<Error>(
        "{}: range [{}, {}] goes below 0, where unsigned symmetric codes have no values; "
        "accepted: ranges from 0 up, or signed: auto",
        tensor, range.low, range.high);
  return options.scale_precision == Precision::float32
             ? fit<float>(options, codes, range, least_scale, tensor)
             : fit<double>(options, codes, range, least_scale, tensor);
}

}  // namespace quantdyn
