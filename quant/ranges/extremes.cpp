#include "quant/ranges/extremes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/threads.h"
#include "quant/kernels/extreme_rows.h"

namespace quantdyn {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr int64_t no_chunk = std::numeric_limits<int64_t>::max();

}  // namespace

Extremes::Extremes(std::string tensor, int64_t channels)
    : tensor_(std::move(tensor)), channels_(channels) {
  const auto n = static_cast<size_t>(channels);
  workers_.assign(static_cast<size_t>(worker_count()),
                  {std::vector<float>(n, infinity), std::vector<float>(n, -infinity), no_chunk});
}

void Extremes::add(const Tile& tile) {
  Worker& worker = workers_[tile.worker];
  const bool is_finite = fold_extremes(tile.values, tile.rows, tile.row_stride, tile.channels,
                                       worker.low.data() + tile.first_channel,
                                       worker.high.data() + tile.first_channel);
  if (!is_finite) note_not_finite(tile, worker);
}

void Extremes::note_not_finite(const Tile& tile, Worker& worker) const {
  for (int64_t c = tile.channels - 1; c >= 0; --c)
    for (int64_t r = 0; r < tile.rows; ++r) {
      if (std::isfinite(tile.values[r * tile.row_stride + c])) continue;
      const std::pair found(tile.chunk, tile.first_channel + c);
      if (found < std::pair(worker.bad_chunk, worker.bad_channel))
        std::tie(worker.bad_chunk, worker.bad_channel) = found;
      break;
    }
}

void Extremes::require_finite() const {
  std::pair<int64_t, int64_t> first(no_chunk, 0);
  for (const Worker& worker : workers_)
    first = std::min(first, {worker.bad_chunk, worker.bad_channel});
  if (first.first == no_chunk) return;
  throw_error<Error>("{}: channel {} holds a NaN or an infinity; a range needs finite values",
                     tensor_, first.second);
}

std::vector<Range> Extremes::by_channel() const {
  require_finite();
  std::vector<Range> out(static_cast<size_t>(channels_), {infinity, -infinity});
  for (const Worker& worker : workers_)
    for (int64_t c = 0; c < channels_; ++c) {
      out[c].low = std::min(out[c].low, static_cast<double>(worker.low[c]));
      out[c].high = std::max(out[c].high, static_cast<double>(worker.high[c]));
    }
  for (int64_t c = 0; c < channels_; ++c)
    if (out[c].low > out[c].high)
      throw_error<Error>("{}: channel {} has no values to take a range from", tensor_, c);
  return out;
}

std::vector<Range> Extremes::by_entry(const Granularity& granularity) const {
  const std::vector<Range> channels = by_channel();
  std::vector<Range> out(static_cast<size_t>(granularity.entries(channels_)),
                         {infinity, -infinity});
  for (int64_t c = 0; c < channels_; ++c) {
    Range& entry = out[granularity.entry_of(c)];
    entry = {std::min(entry.low, channels[c].low), std::max(entry.high, channels[c].high)};
  }
  return out;
}

}  // namespace quantdyn
