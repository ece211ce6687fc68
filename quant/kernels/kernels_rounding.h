// AdaRound's arithmetic on every weight in every step, vectorised, and its reference.
#pragma once

#include <cstdint>

namespace quantdyn {

/// Grids of a weight's channels, [channels] each; codes are whole numbers.
struct RoundingGrid {
  const float *scale, *zero_point, *lowest, *highest;
  int64_t channels;
};

/// How strongly the rounding variable V is pushed to an end: the term
/// strength sum (1 - |2 h(V) - 1|^exponent).
struct RoundingRule {
  float strength, exponent;
};

/// One step of Adam (framework/learning/optimizers/adam.cpp, without decay): m and s the decaying
/// means of the gradient and of its square, v -= rate m / (sqrt(s) root + epsilon).
struct AdamStep {
  float rate;  ///< learning rate / (1 - beta1^t)
  float root;  ///< 1 / sqrt(1 - beta2^t)
  float keep_mean, take_mean, keep_square, take_square, epsilon;

  /// Step t = 1, 2, ... with the optimizer's defaults.
  static AdamStep at(int64_t t, double learning_rate);
};

/// The functions work on rows of weights, [rows, channels]; h(V) = clip(1.2 sigmoid(V) - 0.1, 0,
/// 1).
namespace rounding_kernels {

/// What is known of a weight.
struct Rows {
  const float* floor_code;   ///< floor(w / scale) + zero_point
  float *v, *mean, *square;  ///< V and Adam's state
  float* effective;          ///< scale (clip(floor_code + h(V)) - zero_point)
};

/// Sets `effective` from V.
void soften(const RoundingGrid& grid, const Rows& weights, int64_t rows);
/// In one pass: dV from the gradient of the effective weight and from the rule (none through
/// clipped codes), a step of Adam, and the new `effective`. False if h(V) was cut off everywhere
/// before the step, so that all dV were 0.
bool step(const RoundingGrid& grid, const RoundingRule& rule, const AdamStep& adam,
          const float* weight_gradient, const Rows& weights, int64_t rows);

/// The same in double, one value at a time; equal to about 1e-6.
namespace reference {
void soften(const RoundingGrid& grid, const Rows& weights, int64_t rows);
bool step(const RoundingGrid& grid, const RoundingRule& rule, const AdamStep& adam,
          const float* weight_gradient, const Rows& weights, int64_t rows);
}  // namespace reference

}  // namespace rounding_kernels
}  // namespace quantdyn
