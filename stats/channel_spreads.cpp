#include "stats/channel_spreads.h"

#include <utility>

#include "stats/kernels.h"
#include "stats/statistic.h"

namespace quantdyn {
namespace {

void merge_all(std::vector<Spread>& left, std::vector<Spread>&& right) {
  for (size_t c = 0; c < left.size(); ++c) left[c].merge(right[c]);
}

}  // namespace

void Spread::merge(const Spread& other) {
  if (other.count == 0) return;
  const double total = count + other.count;
  const double difference = other.mean - mean;
  mean += difference * (other.count / total);
  deviations += other.deviations + difference * difference * (count / total * other.count);
  count = total;
}

ChannelSpreads::ChannelSpreads(int64_t channels)
    : channels_(channels),
      rows_(padded_channels(channels)),
      shift_(padded_channels(channels)),
      sum_(padded_channels(channels)),
      square_(padded_channels(channels)),
      minimum_(padded_channels(channels)),
      maximum_(padded_channels(channels)) {
  minimum_.fill(std::numeric_limits<float>::infinity());
  maximum_.fill(-std::numeric_limits<float>::infinity());
}

bool ChannelSpreads::add(const Tile& tile) {
  const int64_t first = tile.first_channel;
  begin_channels(tile);
  kernels::add_moments(tile, {shift_.data() + first, sum_.data() + first, square_.data() + first,
                              minimum_.data() + first, maximum_.data() + first});
  // Finite floats cannot overflow a double, so a sum that is not finite has met one that is not.
  bool all_finite = true;
  for (int64_t c = first; c < first + tile.channels; ++c)
    all_finite &= std::abs(sum_[c]) <= std::numeric_limits<double>::max();
  return all_finite;
}

/// A chunk's sums are of x - shift, the shift being its first value: as it is one of the values,
/// sum^2 / count is at most count times the deviations, and few digits cancel.
void ChannelSpreads::begin_channels(const Tile& tile) {
  int64_t* const rows = rows_.data() + tile.first_channel;
  bool any_new = false;
  for (int64_t c = 0; c < tile.channels; ++c) any_new |= rows[c] == 0;
  for (int64_t c = 0; any_new && c < tile.channels; ++c) {
    if (rows[c] != 0) continue;
    shift_[tile.first_channel + c] = tile.values[c];
    sum_[tile.first_channel + c] = square_[tile.first_channel + c] = 0;
  }
  for (int64_t c = 0; c < tile.channels; ++c) rows[c] += tile.rows;
}

void ChannelSpreads::end_chunk(int64_t chunk) {
  std::vector<Spread> spreads(static_cast<size_t>(channels_));
  bool any = false;
  for (int64_t c = 0; c < channels_; ++c) {
    if (rows_[c] == 0) continue;
    any = true;
    const auto count = static_cast<double>(rows_[c]);
    const double mean = sum_[c] / count;
    // Rounding can bring the deviations of almost equal values under zero, where no square is.
    spreads[c] = {count, shift_[c] + mean, std::max(square_[c] - sum_[c] * mean, 0.0)};
    rows_[c] = 0;
  }
  if (any) tree_.add(chunk, std::move(spreads), merge_all);
}

void ChannelSpreads::merge(ChannelSpreads&& other) {
  tree_.absorb(std::move(other.tree_), merge_all);
  for (int64_t c = 0; c < channels_; ++c) {
    minimum_[c] = std::min(minimum_[c], other.minimum_[c]);
    maximum_[c] = std::max(maximum_[c], other.maximum_[c]);
  }
}

std::vector<Spread> ChannelSpreads::finish() {
  return tree_.empty() ? std::vector<Spread>(static_cast<size_t>(channels_))
                       : tree_.finish(merge_all);
}

std::vector<Spread> SpreadObserver::spreads() const {
  ChannelSpreads all = workers_[0];
  for (size_t w = 1; w < workers_.size(); ++w) all.merge(ChannelSpreads(workers_[w]));
  return all.finish();
}

}  // namespace quantdyn
