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
  Spread all;
  all.mean = mean + (other.mean - mean) * (other.count / (count + other.count));
  all.add_about_mean(*this);
  all.add_about_mean(other);
  *this = all;
}

void Spread::add_about_mean(const Spread& other) {
  if (other.count == 0) return;
  const double away = other.mean - mean, square = away * away;
  count += other.count;
  deviations += other.deviations + other.count * square;
  cubes += other.cubes + 3 * away * other.deviations + other.count * square * away;
  fourths += other.fourths + 4 * away * other.cubes + 6 * square * other.deviations +
             other.count * square * square;
  absolute += other.absolute;
}

Spread pooled(std::span<const Spread> parts) {
  Spread out;
  double count = 0, sum = 0;
  for (const Spread& part : parts) {
    count += part.count;
    sum += part.count * part.mean;
  }
  out.mean = sum / count;
  for (const Spread& part : parts) out.add_about_mean(part);
  return out;
}

ChannelSpreads::ChannelSpreads(int64_t channels)
    : channels_(channels),
      rows_(padded_channels(channels)),
      shift_(padded_channels(channels)),
      sum_(padded_channels(channels)),
      square_(padded_channels(channels)),
      cube_(padded_channels(channels)),
      fourth_(padded_channels(channels)),
      absolute_(padded_channels(channels)),
      minimum_(padded_channels(channels)),
      maximum_(padded_channels(channels)) {
  minimum_.fill(std::numeric_limits<float>::infinity());
  maximum_.fill(-std::numeric_limits<float>::infinity());
}

MomentSums ChannelSpreads::sums_from(int64_t channel) {
  return MomentSums{shift_.data(),  sum_.data(),      square_.data(),  cube_.data(),
                    fourth_.data(), absolute_.data(), minimum_.data(), maximum_.data()}
      .from(channel);
}

bool ChannelSpreads::add(const Tile& tile) {
  const int64_t first = tile.first_channel;
  begin_channels(tile);
  kernels::add_moments(tile, sums_from(first));
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
    const int64_t channel = tile.first_channel + c;
    shift_[channel] = tile.values[c];
    sum_[channel] = square_[channel] = cube_[channel] = fourth_[channel] = absolute_[channel] = 0;
  }
  for (int64_t c = 0; c < tile.channels; ++c) rows[c] += tile.rows;
}

/// Of the open chunk: from sums about the shift to sums about the mean. Rounding can bring even
/// powers of almost equal values under zero, where no sum of them is.
Spread ChannelSpreads::chunk_spread(int64_t c) const {
  const auto count = static_cast<double>(rows_[c]);
  const double away = sum_[c] / count, square = away * away;
  const double fourths =
      fourth_[c] - 4 * away * cube_[c] + 6 * square * square_[c] - 3 * count * square * square;
  return {count,
          shift_[c] + away,
          std::max(square_[c] - sum_[c] * away, 0.0),
          cube_[c] - 3 * away * square_[c] + 2 * count * square * away,
          std::max(fourths, 0.0),
          absolute_[c]};
}

void ChannelSpreads::end_chunk(int64_t chunk) {
  std::vector<Spread> spreads(static_cast<size_t>(channels_));
  bool any = false;
  for (int64_t c = 0; c < channels_; ++c) {
    if (rows_[c] == 0) continue;
    any = true;
    spreads[c] = chunk_spread(c);
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
