#include "stats/statistics/channel_spreads.h"

#include <utility>

#include "stats/kernels/kernels_spreads.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

void merge_all(Tensor<double>& left, const Tensor<double>& right) {
  const int64_t channels = left.shape()[1];
  kernels::merge_spreads({left.data(), channels}, {right.data(), channels}, channels);
}

}  // namespace

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
  return MomentSums{.shift = shift_.data(),
                    .sum = sum_.data(),
                    .square = square_.data(),
                    .cube = cube_.data(),
                    .fourth = fourth_.data(),
                    .absolute = absolute_.data(),
                    .minimum = minimum_.data(),
                    .maximum = maximum_.data()}
      .from(channel);
}

bool ChannelSpreads::add(const Tile& tile) {
  begin_channels(tile, FusedActivation::none);
  kernels::add_moments(tile, sums_from(tile.first_channel));
  return are_finite(tile);
}

bool ChannelSpreads::add(const Tile& tile, FusedActivation activation, ChannelSpreads& activated) {
  begin_channels(tile, FusedActivation::none);
  activated.begin_channels(tile, activation);
  kernels::add_moments_of_activation(tile, activation, sums_from(tile.first_channel),
                                     activated.sums_from(tile.first_channel));
  return are_finite(tile) && activated.are_finite(tile);
}

/// Finite floats cannot overflow a double, so a sum that is not finite has met a value that is not.
bool ChannelSpreads::are_finite(const Tile& tile) const {
  bool all_finite = true;
  for (int64_t c = tile.first_channel; c < tile.first_channel + tile.channels; ++c)
    all_finite &= std::abs(sum_[c]) <= std::numeric_limits<double>::max();
  return all_finite;
}

/// A chunk's sums are of x - shift. The shift is the chunk's first value; as it is one of the
/// values, sum^2 / count is at most count times the deviations, and few digits cancel.
void ChannelSpreads::begin_channels(const Tile& tile, FusedActivation activation) {
  kernels::begin_channels(tile, activation, rows_.data() + tile.first_channel,
                          shift_.data() + tile.first_channel, sums_from(tile.first_channel));
}

Tensor<double> ChannelSpreads::chunk_spreads() {
  const int64_t channels = rows_.elements();
  Tensor<double> out = spare_.empty() ? Tensor<double>(Shape{6, channels}) : std::move(spare_);
  spare_ = {};
  kernels::spreads_of_chunk(rows_.data(), sums_from(0), channels, {out.data(), channels});
  return out;
}

void ChannelSpreads::end_chunk(int64_t chunk) {
  const bool any = std::ranges::any_of(rows_.values(), [](double rows) { return rows > 0; });
  if (any)
    tree_.add(chunk, chunk_spreads(), [this](Tensor<double>& left, Tensor<double>&& right) {
      merge_all(left, right);
      spare_ = std::move(right);
    });
  rows_.fill(0);
}

void ChannelSpreads::merge(ChannelSpreads&& other) {
  tree_.absorb(std::move(other.tree_), merge_all);
  for (int64_t c = 0; c < channels_; ++c) {
    minimum_[c] = std::min(minimum_[c], other.minimum_[c]);
    maximum_[c] = std::max(maximum_[c], other.maximum_[c]);
  }
}

void ChannelSpreads::visit_state(StateVisitor state) {
  state.visit("minimum", minimum_);
  state.visit("maximum", maximum_);
  tree_.visit_state(state.group("tree"), [&](StateVisitor of, Tensor<double>& spreads) {
    if (of.is_loading()) spreads = Tensor<double>(Shape{6, rows_.elements()});
    of.visit("spreads", spreads);
  });
}

std::vector<Spread> ChannelSpreads::finish() {
  std::vector<Spread> out(static_cast<size_t>(channels_));
  if (tree_.empty()) return out;
  const Tensor<double> all = tree_.finish(merge_all);
  const SpreadArrays<const double> from(all.data(), all.shape()[1]);
  for (int64_t c = 0; c < channels_; ++c) out[c] = from.at(c);
  return out;
}

std::vector<Spread> SpreadObserver::spreads() const {
  ChannelSpreads all = workers_[0];
  for (size_t w = 1; w < workers_.size(); ++w) all.merge(ChannelSpreads(workers_[w]));
  return all.finish();
}

}  // namespace quantdyn
