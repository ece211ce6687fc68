#include "stats/channel_counts.h"

#include <algorithm>
#include <limits>

#include "framework/error.h"
#include "stats/kernels.h"

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

void ChannelCounts::add(int64_t channel, int32_t bin, uint64_t count) {
  add_rows(channel, static_cast<int64_t>(count));
  counts_.add(channel, bin, count);
}

void ChannelCounts::merge(const ChannelCounts& other) {
  for (int64_t c = 0; c < channels_; ++c) add_rows(c, other.rows_[c]);
  counts_.merge(other.counts_);
}

std::vector<uint64_t> ChannelCounts::of_channel(int64_t channel) const {
  std::vector<uint64_t> out;
  for (int32_t bin = 0; bin < bins_.size(); ++bin) out.push_back(count(channel, bin));
  return out;
}

std::vector<uint64_t> ChannelCounts::of_layer() const {
  std::vector<uint64_t> out(static_cast<size_t>(bins_.size()));
  for (int64_t c = 0; c < channels_; ++c)
    for (int32_t bin = 0; bin < bins_.size(); ++bin) out[bin] += count(c, bin);
  return out;
}

/// Negative values end in the bin of 0, for relu6 those over 6 in the bin that starts with 6.
ChannelCounts ChannelCounts::behind(Activation activation) const {
  const int32_t low = activation == Activation::none ? 0 : bins_.zero();
  const int32_t high = activation == Activation::relu6 ? bins_.index(6.0f) : bins_.nan() - 1;
  ChannelCounts out(channels_, bins_);
  for (int64_t c = 0; c < channels_; ++c)
    for (int32_t bin = 0; bin < bins_.size(); ++bin)
      out.add(c, bin == bins_.nan() ? bin : std::clamp(bin, low, high), count(c, bin));
  return out;
}

void ChannelCounts::add_rows(int64_t channel, int64_t rows) {
  constexpr int64_t most = std::numeric_limits<uint32_t>::max();
  rows_[channel] += rows;
  if (rows_[channel] > most)
    fail("histogram: channel {} has {} values; accepted: up to {}", channel, rows_[channel], most);
}

}  // namespace quantdyn
