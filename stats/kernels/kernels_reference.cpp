#include <cmath>

#include "stats/kernels/kernels.h"

namespace quantdyn::kernels::reference {

void add_moments(const Tile& tile, const MomentSums& into) {
  for (int64_t row = 0; row < tile.rows; ++row) {
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float x = tile.values[row * tile.row_stride + c];
      const double shifted = x - into.shift[c];
      const double square = shifted * shifted;
      into.sum[c] += shifted;
      if (rounds_products_once()) {
        into.square[c] = std::fma(shifted, shifted, into.square[c]);
        into.cube[c] = std::fma(square, shifted, into.cube[c]);
        into.fourth[c] = std::fma(square, square, into.fourth[c]);
      } else {
        into.square[c] += square;
        into.cube[c] += square * shifted;
        into.fourth[c] += square * square;
      }
      into.absolute[c] += std::abs(static_cast<double>(x));
      if (x < into.minimum[c]) into.minimum[c] = x;
      if (x > into.maximum[c]) into.maximum[c] = x;
    }
  }
}

void count_bins(const Tile& tile, const LogBins& bins, uint32_t* counts, int64_t per_channel) {
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t c = 0; c < tile.channels; ++c)
      ++counts[c * per_channel + bins.index(tile.values[row * tile.row_stride + c])];
}

void count_channels(const Tile& tile, const LogBins& bins, uint16_t* counts) {
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t c = 0; c < tile.channels; ++c) {
      const int64_t channel = tile.first_channel + c, lane = channel % channel_group;
      const int32_t bin = bins.index(tile.values[row * tile.row_stride + c]);
      ++counts[(channel - lane) * bins.size() + bin * channel_group + lane];
    }
}

void find_signed_bins(const Tile& tile, const LogBins& bins, const PlaceTable& to) {
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float z = tile.values[row * tile.row_stride + c];
      uint16_t* const pair = to.of_channel(c) + row / 2 * places_a_pair;
      pair[row % 2] = static_cast<uint16_t>(bins.index(z) - bins.zero());
    }
}

void find_cells(const Tile& tile, const MappedCells& cells, const int32_t* turns,
                const PlaceTable& places, uint16_t* counts) {
  const int64_t pairs = (tile.rows + 1) / 2;
  for (int64_t c = 0; c < tile.channels; ++c) {
    const int64_t lane = c % channel_group;
    uint16_t* const of_group = counts + (c - lane) * cells.size();
    uint16_t* const place = places.of_channel(c);
    for (int64_t row = 0; row < 2 * pairs; ++row) {
      uint16_t& to = place[row / 2 * places_a_pair + row % 2];
      to = row < tile.rows
               ? place_of(cells, static_cast<int16_t>(to), tile.values[row * tile.row_stride + c],
                          turns[c], lane, of_group)
               : static_cast<uint16_t>(cells.nowhere() * channel_group);
    }
    if (places.waiting_pairs < 0) continue;
    for (int64_t pair = -places.waiting_pairs; pair < pairs; ++pair)
      for (int64_t i : {0, 1}) ++of_group[place[pair * places_a_pair + i]];
  }
}

uint16_t place_of(const MappedCells& cells, int32_t z, float y, int32_t turn, int64_t lane,
                  uint16_t* counts) {
  const int32_t bin = cells.bins.index(y) - cells.bins.zero();
  if (!cells.has(bin)) ++counts[cells.mapped_alone(bin) * channel_group + lane];
  const int32_t cell = cells.has(bin) ? cells.of(z, bin, turn) : cells.source_alone(z);
  return static_cast<uint16_t>(cell * channel_group + lane);
}

void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  for (int64_t i = 0; i < count; ++i) {
    if (values[i] < minimum) minimum = values[i];
    if (values[i] > maximum) maximum = values[i];
  }
}

}  // namespace quantdyn::kernels::reference
