#include "quant/ranges/linear_histograms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "framework/base/threads.h"

namespace quantdyn {

float LinearBins::edge(int64_t k) const {
  if (k == count) return high;
  return static_cast<float>(k) * ((high - low) / static_cast<float>(count)) + low;
}

int64_t LinearBins::index(float x) const {
  const float place = (x - low) * static_cast<float>(count) / (high - low);
  int64_t bin = std::clamp<int64_t>(static_cast<int64_t>(place), 0, count - 1);
  if (rule == Rule::torch) return bin;
  while (bin > 0 && x < edge(bin)) --bin;
  while (bin + 1 < count && x >= edge(bin + 1)) ++bin;
  return bin;
}

LinearHistograms::LinearHistograms(std::string tensor, int64_t channels,
                                   const Granularity& granularity, Axis axis,
                                   const LinearBins& bins)
    : granularity_(granularity),
      axis_(axis),
      extremes_(std::move(tensor), channels),
      bins_(static_cast<size_t>(granularity.entries(channels)), bins),
      counts_(static_cast<size_t>(worker_count())) {}

void LinearHistograms::add(const Tile& tile) {
  if (!is_second_pass_) return extremes_.add(tile);
  std::vector<uint64_t>& counts = counts_[tile.worker];
  if (counts.empty()) counts.resize(bins_.size() * static_cast<size_t>(bins_[0].count));
  granularity_.for_entries(tile,
                           [&](int64_t entry, const Tile& part) { count(entry, part, counts); });
}

void LinearHistograms::count(int64_t entry, const Tile& part, std::vector<uint64_t>& counts) const {
  const LinearBins bins = bins_[entry];  // a copy, whose step stays in a register
  if (!(bins.low < bins.high)) return;
  uint64_t* const own = counts.data() + entry * bins.count;
  for (int64_t r = 0; r < part.rows; ++r) {
    const float* const row = part.values + r * part.row_stride;
    for (int64_t c = 0; c < part.channels; ++c)
      ++own[bins.index(axis_ == Axis::magnitude ? std::abs(row[c]) : row[c])];
  }
}

bool LinearHistograms::wants_another_pass() {
  if (is_second_pass_) return false;
  const std::vector<Range> ends = this->ends();
  for (size_t i = 0; i < ends.size(); ++i) {
    const double size = std::max(std::abs(ends[i].low), std::abs(ends[i].high));
    bins_[i].low = static_cast<float>(axis_ == Axis::ends        ? ends[i].low
                                      : axis_ == Axis::symmetric ? -size
                                                                 : 0);
    bins_[i].high = static_cast<float>(axis_ == Axis::ends ? ends[i].high : size);
  }
  return is_second_pass_ = true;
}

std::vector<uint64_t> LinearHistograms::counts(int64_t entry) const {
  const int64_t size = bins_[entry].count;
  std::vector<uint64_t> out(static_cast<size_t>(size));
  for (const std::vector<uint64_t>& counts : counts_)
    for (int64_t i = 0; i < size && !counts.empty(); ++i) out[i] += counts[entry * size + i];
  return out;
}

}  // namespace quantdyn
