#include "stats/counts/mapped_counts.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <numeric>

#include "framework/base/error.h"
#include "framework/base/ranks.h"

namespace quantdyn {
namespace {

/// How many rows wait. A chunk shows too few rows of a wide tensor to pay for fetching its counts.
int64_t waiting_rows(int64_t channels) {
  constexpr int64_t wide = 128, of_wide = 1024;
  return std::max(channels > wide ? of_wide : 0, rows_per_tile(channels));
}

/// The smallest and the largest magnitude of every finite bin, with their sign, in value order.
std::vector<float> bin_edges(const LogBins& bins) {
  const int32_t shift = 23 - bins.mantissa_bits, top = bins.per_sign() + 2;
  std::vector<float> out;
  for (int32_t bin = -top; bin <= top; ++bin) {
    const int32_t step = bins.first_step() + std::abs(bin) - 2;
    int32_t least = step << shift, most = ((step + 1) << shift) - 1;
    if (bin == 0) least = most = 0;
    if (std::abs(bin) == 1) least = 1;
    if (std::abs(bin) == top) most = LogBins::infinity_bits - 1;
    if (bin < 0) std::swap(least, most);
    for (int32_t magnitude : {least, most})
      out.push_back(std::copysign(std::bit_cast<float>(magnitude), bin < 0 ? -1.0f : 1.0f));
  }
  return out;
}

}  // namespace

bool MappedCounts::pays(int64_t channels, const LogBins& bins) {
  const bool fits = MappedCells{bins}.size() * kernels::channel_group <= 1 << 16;
  return fits && 4 * channels >= 3 * padded_channels(channels).elements();
}

MappedCounts::MappedCounts(int64_t channels, LogBins bins, const TapMap& map)
    : channels_(channels),
      cells_{bins},
      map_(map),
      turns_(padded_channels(channels)),
      counts_(channels, cells_.size()) {
  make_room((waiting_rows(channels) + 1) / 2);
  for (int64_t c = 0; c < channels; ++c) turns_[c] = map.scale[c] < 0 ? -1 : 0;
}

kernels::PlaceTable MappedCounts::next_places() {
  return {places_.data() + waiting_ * kernels::places_a_pair, capacity_ * kernels::places_a_pair,
          -1};
}

void MappedCounts::add_source(const Tile& z) {
  assert(z.first_channel == 0 && z.channels == channels_);
  const int64_t pairs = (z.rows + 1) / 2;
  if (waiting_ + pairs > capacity_) count_waiting();
  if (pairs > capacity_) make_room(pairs);
  kernels::find_signed_bins(z, cells_.bins, next_places());
}

void MappedCounts::add_mapped(const Tile& y) {
  const int64_t pairs = (y.rows + 1) / 2;
  kernels::PlaceTable places = next_places();
  const bool is_full = waiting_ + 2 * pairs > capacity_;
  if (is_full) places.waiting_pairs = waiting_;
  waiting_ += pairs;
  kernels::find_cells(y, cells_, turns_.data(), places,
                      counts_.recent(2 * (is_full ? waiting_ : pairs)));
  if (is_full) waiting_ = 0;
  rows_ += y.rows;
}

void MappedCounts::count_waiting() {
  kernels::PlaceTable places = next_places();
  places.waiting_pairs = waiting_;
  const Tile none{.values = nullptr,
                  .rows = 0,
                  .channels = channels_,
                  .row_stride = channels_,
                  .first_row = 0,
                  .first_channel = 0,
                  .chunk = 0,
                  .worker = 0};
  kernels::find_cells(none, cells_, turns_.data(), places, counts_.recent(2 * waiting_));
  waiting_ = 0;
}

void MappedCounts::make_room(int64_t pairs) {
  capacity_ = pairs;
  places_ = Tensor<uint16_t>(Shape{padded_channels(channels_).elements() * 2 * pairs});
}

void MappedCounts::merge(MappedCounts&& other) {
  other.count_waiting();
  counts_.merge(other.counts_);
  rows_ += other.rows_;
}

void MappedCounts::merge_ranks() {
  count_waiting();
  counts_.merge_ranks();
  ranks().add_up(std::span(&rows_, 1));
}

std::pair<ChannelCounts, ChannelCounts> MappedCounts::split() {
  constexpr int64_t most = std::numeric_limits<uint32_t>::max();
  if (rows_ > most)
    throw_error("histogram: a channel has {} values; accepted: up to {}", rows_, most);
  count_waiting();
  std::pair out{ChannelCounts(channels_, cells_.bins), ChannelCounts(channels_, cells_.bins)};
  const Tensor<float> mapped_edges = map_edges();
  for (int64_t c = 0; c < channels_; ++c) split_channel(c, mapped_edges, out.first, out.second);
  return out;
}

/// The images of every bin's two edges under the map: [edges, channels].
Tensor<float> MappedCounts::map_edges() const {
  const std::vector<float> edges = bin_edges(cells_.bins);
  const auto rows = static_cast<int64_t>(edges.size());
  Tensor<float> out(Shape{rows, channels_});
  for (int64_t row = 0; row < rows; ++row)
    std::fill_n(out.data() + row * channels_, channels_, edges[row]);
  map_.apply(out.data(), rows);
  return out;
}

/// A walk along the bins of z meets every cell of a sum that can hold values exactly once.
void MappedCounts::split_channel(int64_t c, const Tensor<float>& mapped_edges,
                                 ChannelCounts& source, ChannelCounts& mapped) const {
  const LogBins& bins = cells_.bins;
  const int32_t zero = bins.zero(), top = cells_.top();
  const auto bin_of_edge = [&](int64_t edge) {
    return std::clamp(bins.index(mapped_edges[edge * channels_ + c]) - zero, -top, top);
  };
  const std::vector<uint64_t> counts = counts_.of_channel(c);
  std::vector<uint64_t> of_source(static_cast<size_t>(bins.size())), of_mapped = of_source;
  for (int32_t z = -top; z <= top; ++z) {
    const int64_t edge = 2 * (z + top);
    const auto [first, last] = std::minmax({bin_of_edge(edge), bin_of_edge(edge + 1)});
    for (int32_t y = first; y <= last; ++y) {
      const uint64_t count = counts[cells_.of(z, y, turns_[c])];
      of_source[zero + z] += count;
      of_mapped[zero + y] += count;
    }
  }
  for (int32_t bin = 0; bin < bins.size(); ++bin)
    of_source[bin] += counts[cells_.source_alone(bin - zero)];
  for (int32_t bin : {0, bins.nan() - 1, bins.nan()})
    of_mapped[bin] += counts[cells_.mapped_alone(bin - zero)];
  source.add(c, of_source);
  mapped.add(c, of_mapped);
  const auto seen =
      static_cast<int64_t>(std::accumulate(of_source.begin(), of_source.end(), uint64_t{0}));
  if (seen != rows_)
    throw_error("histogram: channel {} has {} values, but {} in cells that its map can reach", c,
                rows_, seen);
}

}  // namespace quantdyn
