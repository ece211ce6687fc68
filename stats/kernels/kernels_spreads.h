// What is done once a chunk to the spreads of all channels.
#pragma once

#include <cstdint>

#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "stats/kernels/kernels.h"
#include "stats/kernels/spread.h"

namespace quantdyn {

/// What a Spread has, by channel: [6, channels].
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

/// Chosen at run time for the processor; the same bits for all.
namespace kernels {

/// Counts a tile's rows; channels that had none begin, shifted by what the activation makes of
/// their first value.
void begin_channels(const Tile& tile, FusedActivation activation, double* rows, double* shift,
                    const MomentSums& sums);
/// From sums about the shift to sums about the mean. Rounding can bring even powers of almost equal
/// values under zero, where no sum of them is.
void spreads_of_chunk(const double* rows, const MomentSums& sums, int64_t channels,
                      const SpreadArrays<double>& to);
/// left.merge(right) of every channel.
void merge_spreads(const SpreadArrays<double>& left, const SpreadArrays<const double>& right,
                   int64_t channels);

}  // namespace kernels
}  // namespace quantdyn
