#include "stats/channel_counts.h"

#include <algorithm>
#include <limits>

#include "framework/error.h"
#include "stats/kernels.h"

namespace quantdyn {
namespace {

constexpr int64_t most_recent = std::numeric_limits<uint16_t>::max();

Shape counts_shape(int64_t channels, const LogBins& bins) {
  return {padded_channels(channels).elements() * bins.size()};
}

}  // namespace

ChannelCounts::ChannelCounts(int64_t channels, LogBins bins)
    : bins_(bins),
      channels_(channels),
      recent_(counts_shape(channels, bins)),
      rows_(padded_channels(channels)) {}

void ChannelCounts::add(const Tile& tile) {
  for (int64_t c = tile.first_channel; c < tile.first_channel + tile.channels; ++c)
    rows_[c] += tile.rows;
  for (int64_t row = 0; row < tile.rows; row += most_recent) {
    Tile part = tile;
    part.values += row * tile.row_stride;
    part.rows = std::min(most_recent, tile.rows - row);
    if (recent_rows_ + part.rows > most_recent) keep_recent();
    recent_rows_ += part.rows;
    kernels::count_channels(part, bins_, recent_.data());
  }
}

void ChannelCounts::keep_recent() {
  check_size();
  if (kept_.empty()) kept_ = Tensor<uint32_t>(recent_.shape());
  for (int64_t i = 0; i < recent_.elements(); ++i) kept_[i] += recent_[i];
  recent_.fill(0);
  recent_rows_ = 0;
}

void ChannelCounts::merge(const ChannelCounts& other) {
  for (int64_t c = 0; c < channels_; ++c) rows_[c] += other.rows_[c];
  keep_recent();
  for (int64_t i = 0; i < kept_.elements(); ++i) {
    kept_[i] += other.recent_[i];
    if (!other.kept_.empty()) kept_[i] += other.kept_[i];
  }
}

int64_t ChannelCounts::place(int64_t channel, int32_t bin) const {
  const int64_t lane = channel % kernels::channel_group;
  return (channel - lane) * bins_.size() + bin * kernels::channel_group + lane;
}

uint64_t ChannelCounts::count(int64_t channel, int32_t bin) const {
  const int64_t at = place(channel, bin);
  return uint64_t{recent_[at]} + (kept_.empty() ? 0 : kept_[at]);
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
  out.rows_ = rows_;
  out.keep_recent();
  for (int64_t c = 0; c < channels_; ++c)
    for (int32_t bin = 0; bin < bins_.size(); ++bin) {
      const int32_t to = bin == bins_.nan() ? bin : std::clamp(bin, low, high);
      out.kept_[place(c, to)] += static_cast<uint32_t>(count(c, bin));
    }
  return out;
}

void ChannelCounts::check_size() const {
  constexpr int64_t most = std::numeric_limits<uint32_t>::max();
  for (int64_t c = 0; c < channels_; ++c)
    if (rows_[c] > most)
      fail("histogram: channel {} has {} values; accepted: up to {}", c, rows_[c], most);
}

}  // namespace quantdyn
