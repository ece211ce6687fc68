#include "quant/kernels/small_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quantdyn {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

float power_of_two(int exponent) { return static_cast<float>(std::ldexp(1.0, exponent)); }

}  // namespace

float FloatFormat::smallest_normal() const { return power_of_two(1 - bias); }

float FloatFormat::largest() const {
  const int exponent = (1 << exponent_bits) - (special == SpecialCodes::ieee ? 2 : 1) - bias;
  const int last = special == SpecialCodes::finite_nan ? 2 : 1;  // mantissa steps below 2
  const double value = std::ldexp(2 - std::ldexp(last, -mantissa_bits), std::min(exponent, 1000));
  return value > std::numeric_limits<float>::max() ? infinity : static_cast<float>(value);
}

float FloatFormat::overflow() const {
  if (saturates) return largest();
  return special == SpecialCodes::ieee ? infinity : nan;
}

float FloatFormat::rounded(float x) const {
  if (std::isnan(x)) return x;
  const float size = std::abs(x);
  float y = infinity;
  if (size < infinity) {
    const int exponent = std::max(size > 0 ? std::ilogb(size) : 0, 1 - bias);
    const double step = std::ldexp(1.0, exponent - mantissa_bits);
    y = static_cast<float>(std::nearbyint(size / step) * step);
  }
  return std::copysign(y > largest() ? overflow() : y, x);
}

int32_t FloatFormat::code(float rounded) const {
  const int32_t sign = std::signbit(rounded) ? 1 << (exponent_bits + mantissa_bits) : 0;
  const int32_t all_exponent_bits = (1 << exponent_bits) - 1;
  const float size = std::abs(rounded);
  if (std::isinf(size)) return sign | all_exponent_bits << mantissa_bits;
  if (std::isnan(size)) return sign | ((1 << (exponent_bits + mantissa_bits)) - 1);
  const bool is_normal = size >= smallest_normal();
  const int exponent = is_normal ? std::ilogb(size) : 1 - bias;
  const auto steps = static_cast<int32_t>(std::ldexp(size, mantissa_bits - exponent));
  // A normal number's leading 1 adds one to the exponent field.
  return sign | (((is_normal ? exponent + bias - 1 : 0) << mantissa_bits) + steps);
}

float FloatFormat::value(int32_t code) const {
  const int32_t mantissa = code & ((1 << mantissa_bits) - 1);
  const int32_t all_exponent_bits = (1 << exponent_bits) - 1;
  const int32_t exponent = code >> mantissa_bits & all_exponent_bits;
  float size = 0;
  if (exponent == all_exponent_bits && special == SpecialCodes::ieee)
    size = mantissa == 0 && !saturates ? infinity : nan;
  else if (exponent == all_exponent_bits && special == SpecialCodes::finite_nan &&
           mantissa == (1 << mantissa_bits) - 1)
    size = nan;
  else
    size = static_cast<float>(std::ldexp(mantissa + (exponent > 0 ? 1 << mantissa_bits : 0),
                                         std::max(exponent, 1) - bias - mantissa_bits));
  return code >> (exponent_bits + mantissa_bits) & 1 ? -size : size;
}

}  // namespace quantdyn
