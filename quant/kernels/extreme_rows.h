// The smallest and the largest value of each channel, vectorized over channels.
#pragma once

#include <cstdint>

namespace quantdyn {

/// Folds values [rows, channels], with `row_stride` floats between rows, into low and high
/// [channels]. Returns whether all are finite; if not, low and high mean nothing.
bool fold_extremes(const float* values, int64_t rows, int64_t row_stride, int64_t channels,
                   float* low, float* high);

}  // namespace quantdyn
