// The loops that touch every element: vectorised over channels, and their readable references.
#pragma once

#include <cstdint>

#include "framework/tap.h"
#include "stats/log_bins.h"

namespace quantdyn {

/// Running sums by channel; entry 0 belongs to the tile's first channel.
struct MomentSums {
  const double* shift;
  double* sum;       ///< of x - shift
  double* square;    ///< of (x - shift)^2
  double* cube;      ///< of (x - shift)^3
  double* fourth;    ///< of (x - shift)^4
  double* absolute;  ///< of |x|
  float* minimum;    ///< of what is not NaN
  float* maximum;

  /// Of the channels from c on.
  MomentSums from(int64_t c) const {
    return {shift + c,  sum + c,      square + c,  cube + c,
            fourth + c, absolute + c, minimum + c, maximum + c};
  }
};

/// Chosen at run time for the processor. Each channel's values are taken in the order of the rows,
/// in double and without fused multiply-add: the bits are those of `reference` on any instruction
/// set and for any cut into tiles.
namespace kernels {

/// Channels whose counts lie side by side.
inline constexpr int64_t channel_group = 16;

void add_moments(const Tile& tile, const MomentSums& into);
/// ++counts[c * per_channel + bin] for every value of the tile's channel c; per_channel is
/// bins.size(), or 0 where all channels share their counts. At most 2^20.
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel);
void count_bins(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel);
/// The same into counts [channels / channel_group, bins, channel_group], channels rounded up; entry
/// 0 belongs to channel 0, not to the tile's first.
void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts);
/// Takes `count` values into [minimum, maximum], NaN left out.
void widen_range(const float* values, int64_t count, float& minimum, float& maximum);

namespace reference {
void add_moments(const Tile& tile, const MomentSums& into);
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel);
void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts);
void widen_range(const float* values, int64_t count, float& minimum, float& maximum);
}  // namespace reference

}  // namespace kernels
}  // namespace quantdyn
