// Vectorized passes over a layer's outputs beside wanted ones, [rows, channels].
#pragma once

#include <cstdint>

#include "framework/graph/channel_map.h"

namespace quantdyn {

/// y = factor (y - wanted), 0 where the activation that made y passes no gradients.
void residual_gradient(float* y, const float* wanted, int64_t rows, int64_t channels, float factor,
                       FusedActivation activation);

/// sums [channels] += sum over rows of (y - wanted)^2, in double.
void add_squared_residuals(const float* y, const float* wanted, int64_t rows, int64_t channels,
                           double* sums);

}  // namespace quantdyn
