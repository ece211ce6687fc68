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

/// The functions work on rows of weights, [rows, channels], `floor_code` being floor(w / scale) +
/// zero_point; h(V) = clip(1.2 sigmoid(V) - 0.1, 0, 1).
namespace rounding_kernels {

/// effective = scale (clip(floor_code + h(V)) - zero_point).
void soften(const RoundingGrid& grid, const float* v, const float* floor_code, int64_t rows,
            float* effective);
/// dV from the gradient of the effective weight and from the rule; none through clipped codes.
void gradient(const RoundingGrid& grid, const RoundingRule& rule, const float* v,
              const float* floor_code, const float* weight_gradient, int64_t rows, float* dv);

/// The same in double, one value at a time; equal to about 1e-6.
namespace reference {
void soften(const RoundingGrid& grid, const float* v, const float* floor_code, int64_t rows,
            float* effective);
void gradient(const RoundingGrid& grid, const RoundingRule& rule, const float* v,
              const float* floor_code, const float* weight_gradient, int64_t rows, float* dv);
}  // namespace reference

}  // namespace rounding_kernels
}  // namespace quantdyn
