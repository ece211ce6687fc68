// Vectorized passes over [rows, channels]: what a chain does to a convolution's result.
#pragma once

#include <cstdint>

#include "framework/graph/channel_map.h"

namespace quantdyn {

/// to [rows, channels] = map(x), x with `x_row` floats between its rows. `to` may be x if x_row
/// is `channels`.
void apply_map(const ChannelMap& map, const float* x, int64_t x_row, int64_t rows, int64_t channels,
               float* to);

/// x [rows, channels] = min(max(x, low), high), with ends by channel.
void clip_channels(float* x, int64_t rows, int64_t channels, const float* low, const float* high);

/// Adds, by channel, sum (x - shift) and sum (x - shift)^2 to `sum` and `square` (double): float
/// over runs of 16 rows, folded into double. A shift near the mean avoids cancellation in the
/// variance.
void add_shifted_sums(const float* x, int64_t rows, int64_t channels, const float* shift,
                      double* sum, double* square);

/// Backward through activation(scale z + shift), first pass: g = dy where the activation passes
/// gradients, else 0; adds, by channel, sum g and sum g (z - mean) to `sum` and `product`.
void sum_masked(const float* z, const float* dy, int64_t rows, int64_t channels, const float* scale,
                const float* shift, const float* mean, FusedActivation activation, double* sum,
                double* product);

/// Second pass: dz = scale g + of_z z + constant by channel, g as in the first pass; dz may be dy.
void norm_gradient(const float* z, const float* dy, float* dz, int64_t rows, int64_t channels,
                   const float* scale, const float* shift, const float* of_z, const float* constant,
                   FusedActivation activation);

/// Without a norm: sets dy to 0 where the activation passes no gradients; adds sum dy to `sum`.
void mask_by_output(const float* y, float* dy, int64_t rows, int64_t channels,
                    FusedActivation activation, double* sum);

}  // namespace quantdyn
