#include "stats/counts/channel_counts.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/ranks.h"
#include "stats/kernels/kernels.h"

namespace quantdyn {

ChannelCounts::ChannelCounts(int64_t channels, LogBins bins)
    : bins_(bins),
      channels_(channels),
      counts_(channels, bins.size()),
      rows_(padded_channels(channels)) {}

void ChannelCounts::add(const Tile& tile) {
  for (int64_t c = 0; c < tile.channels; ++c) add_rows(tile.first_channel + c, tile.rows);
  for (int64_t row = 0; row < tile.rows; row += GroupedCounts::most_rows) {
    Tile part = tile;
    part.values += row * tile.row_stride;
    part.rows = std::min(GroupedCounts::most_rows, tile.rows - row);
    kernels::count_channels(part, bins_, counts_.recent(part.rows));
  }
}

void ChannelCounts::add(int64_t channel, std::span<const uint64_t> counts) {
  const uint64_t rows = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  add_rows(channel, static_cast<int64_t>(rows));
  counts_.add(channel, counts);
}

void ChannelCounts::merge(const ChannelCounts& other) {
  for (int64_t c = 0; c < channels_; ++c) add_rows(c, other.rows_[c]);
  counts_.merge(other.counts_);
}

void ChannelCounts::merge_ranks() {
  ranks().add_up(rows_.values());
  for (int64_t c = 0; c < channels_; ++c) add_rows(c, 0);
  counts_.merge_ranks();
}

/// Bins are in value order, and each end starts a bin or is in the last bin of its side.
ChannelCounts ChannelCounts::of_activation(FusedActivation activation) const {
  const Ends ends = ends_of(activation);
  const int32_t low = bins_.index(ends.low), high = bins_.index(ends.high);
  ChannelCounts out(channels_, bins_);
  for (int64_t c = 0; c < channels_; ++c) {
    std::vector<uint64_t> counts = of_channel(c);
    for (int32_t bin = 0; bin < bins_.nan(); ++bin) {
      const int32_t to = std::clamp(bin, low, high);
      if (to != bin) counts[to] += std::exchange(counts[bin], 0);
    }
    out.add(c, counts);
  }
  return out;
}

void ChannelCounts::add_rows(int64_t channel, int64_t rows) {
  constexpr int64_t most = std::numeric_limits<uint32_t>::max();
  rows_[channel] += rows;
  if (rows_[channel] > most)
    throw_error("histogram: channel {} has {} values; accepted: up to {}", channel, rows_[channel],
                most);
}

}  // namespace quantdyn
