// Operations on the spreads of all channels, done once per chunk.
#pragma once

#include <cstdint>

#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "stats/kernels/kernels.h"
#include "stats/kernels/spread.h"

namespace quantdyn {

/// The members of Spread, by channel: [6, channels].
template <typename T>
struct SpreadArrays {
  T *count, *mean, *deviations, *cubes, *fourths, *absolute;

  SpreadArrays(T* values, int64_t channels)
      : count(values),
        mean(values + channels),
        deviations(values + 2 * channels),
        cubes(values + 3 * channels),
        fourths(values + 4 * channels),
        absolute(values + 5 * channels) {}
  Spread at(int64_t c) const {
    return {count[c], mean[c], deviations[c], cubes[c], fourths[c], absolute[c]};
  }
};

/// Chosen at run time for the processor; the same bits on all.
namespace kernels {

/// Counts a tile's rows. A channel without rows so far takes its first value, after the activation,
/// as its shift.
void begin_channels(const Tile& tile, FusedActivation activation, double* rows, double* shift,
                    const MomentSums& sums);
/// From sums about the shift to sums about the mean. Sums of even powers cannot be negative; those
/// of almost equal values are kept from rounding to less than zero.
void spreads_of_chunk(const double* rows, const MomentSums& sums, int64_t channels,
                      const SpreadArrays<double>& to);
/// left.merge(right) of every channel.
void merge_spreads(const SpreadArrays<double>& left, const SpreadArrays<const double>& right,
                   int64_t channels);

}  // namespace kernels
}  // namespace quantdyn
