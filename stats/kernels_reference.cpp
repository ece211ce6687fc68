#include <cmath>

#include "stats/kernels.h"

namespace quantdyn::kernels::reference {

void add_moments(const Tile& tile, const MomentSums& into) {
  for (int64_t row = 0; row < tile.rows; ++row) {
    for (int64_t c = 0; c < tile.channels; ++c) {
      const float x = tile.values[row * tile.row_stride + c];
      const double shifted = x - into.shift[c];
      const double square = shifted * shifted;
      into.sum[c] += shifted;
      into.square[c] += square;
      into.cube[c] += square * shifted;
      into.fourth[c] += square * square;
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

void widen_range(const float* values, int64_t count, float& minimum, float& maximum) {
  for (int64_t i = 0; i < count; ++i) {
    if (values[i] < minimum) minimum = values[i];
    if (values[i] > maximum) maximum = values[i];
  }
}

}  // namespace quantdyn::kernels::reference
