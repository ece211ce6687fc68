// The loops that touch every element: vectorised over channels, and their readable references.
#pragma once

#include <cstdint>

#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "stats/kernels/log_bins.h"
#include "stats/kernels/mapped_cells.h"

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
/// in double: the bits are those of `reference` for any cut into tiles.
namespace kernels {

/// Channels whose counts lie side by side.
inline constexpr int64_t channel_group = 16;

/// Products that are summed are rounded once where rounds_products_once(), else twice.
void add_moments(const Tile& tile, const MomentSums& into);
/// The same, and the moments of what an activation makes of the values, which is not none.
void add_moments_of_activation(const Tile& tile, FusedActivation activation, const MomentSums& into,
                               const MomentSums& of_activation);
/// Whether the processor has a fused multiply-add.
bool rounds_products_once();
/// ++counts[c * per_channel + bin] for every value of the tile's channel c; per_channel is
/// bins.size(), or 0 where all channels share their counts. At most 2^20.
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel);
void count_bins(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel);
/// The same into counts [channels / channel_group, bins, channel_group], channels rounded up; entry
/// 0 belongs to channel 0, not to the tile's first.
void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts);

inline constexpr int64_t places_a_pair = 2 * channel_group;
/// Places in counts [cells, channel_group] of one group of channels, of values that wait to be
/// counted: [channels / channel_group, pairs of rows, places_a_pair], the places of a pair in an
/// order of the processor's own. At first they hold signed bins.
struct PlaceTable {
  uint16_t* first;  ///< of the next rows, channel 0
  int64_t group_stride;
  int64_t waiting_pairs;  ///< before these; negative: the next ones wait, too

  uint16_t* of_channel(int64_t c) const {
    return first + c / channel_group * group_stride + c % channel_group * 2;
  }
};
/// The bin of every value, from that of 0.
void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to);
/// Makes of the bins of z and of the values y, in counts [channels / channel_group, cells,
/// channel_group], the places of their cells; y that are not finite are counted at once, all others
/// once no pairs wait.
void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts);

/// Takes `count` values into [minimum, maximum], NaN left out.
void widen_range(const float* values, int64_t count, float& minimum, float& maximum);

namespace reference {
void add_moments(const Tile& tile, const MomentSums& into);
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel);
void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts);
void widen_range(const float* values, int64_t count, float& minimum, float& maximum);
void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to);
void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts);
/// The place of one value's cell, z being the source's bin; y that is not finite is counted.
uint16_t place_of(const MappedCells& cells, int32_t z, float y, int32_t turn, int64_t lane,
                  uint16_t* counts);
}  // namespace reference

}  // namespace kernels
}  // namespace quantdyn
