// The loops that touch every element: vectorized over channels, and their readable references.
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
  float* minimum;    ///< of values that are not NaN
  float* maximum;

  /// The sums of the channels from c on.
  MomentSums from(int64_t c) const {
    return {shift + c,  sum + c,      square + c,  cube + c,
            fourth + c, absolute + c, minimum + c, maximum + c};
  }
};

/// Chosen at run time for the processor. Each channel's values are summed in the order of the rows,
/// in double: the same bits as `reference`, for any cut into tiles.
namespace kernels {

/// Number of channels whose counts are side by side.
inline constexpr int64_t channel_group = 16;

/// A product and its sum are rounded once if rounds_products_once(), else twice.
void add_moments(const Tile& tile, const MomentSums& into);
/// The same, and the moments of the activated values; `activation` must not be none.
void add_moments_of_activation(const Tile& tile, FusedActivation activation, const MomentSums& into,
                               const MomentSums& of_activation);
/// Whether the processor has a fused multiply-add.
bool rounds_products_once();
/// ++counts[c * per_channel + bin] for every value of the tile's channel c; per_channel is
/// bins.size(), or 0 if all channels share their counts. At most 2^20.
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel);
void count_bins(const Tile& tile, const LogBins& bins, uint64_t* counts, int64_t per_channel);
/// The same into counts [channels / channel_group, bins, channel_group], channels rounded up; entry
/// 0 belongs to channel 0, not to the tile's first.
void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts);

inline constexpr int64_t places_a_pair = 2 * channel_group;
/// For values that wait to be counted, their places in a channel group's counts [cells,
/// channel_group]: [channels / channel_group, pairs of rows, places_a_pair]. The order of the
/// places in a pair depends on the processor. At first they hold signed bins.
struct PlaceTable {
  uint16_t* first;  ///< of the next rows, channel 0
  int64_t group_stride;
  int64_t waiting_pairs;  ///< before these; negative: these wait as well

  uint16_t* of_channel(int64_t c) const {
    return first + c / channel_group * group_stride + c % channel_group * 2;
  }
};
/// Writes the bin of every value, counted from the bin of 0.
void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to);
/// Turns the bins of z and the values y into places of cells in counts [channels / channel_group,
/// cells, channel_group]. Values y that are not finite are counted at once. The others wait if
/// places.waiting_pairs < 0; else they and all that waited are counted.
void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts);

/// Widens [minimum, maximum] to include `count` values; NaN are left out.
void widen_range(const float* values, int64_t count, float& minimum, float& maximum);

namespace reference {
void add_moments(const Tile& tile, const MomentSums& into);
void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel);
void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts);
void widen_range(const float* values, int64_t count, float& minimum, float& maximum);
void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to);
void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts);
/// The place of one value's cell; z is the source's bin. Counts y at once if it is not finite.
uint16_t place_of(const MappedCells& cells, int32_t z, float y, int32_t turn, int64_t lane,
                  uint16_t* counts);
}  // namespace reference

}  // namespace kernels
}  // namespace quantdyn
