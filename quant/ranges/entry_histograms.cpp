#include "quant/ranges/entry_histograms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "framework/base/threads.h"
#include "stats/kernels/kernels.h"

namespace quantdyn {
namespace {

/// The bins for values up to `size`.
LogBins bins_for(double size) {
  constexpr int fewest_octaves = 16;  // that must lie between the first bin and `size`
  LogBins out = EntryHistograms::bins;
  if (size == 0) return out;
  const int exponent = std::ilogb(size);
  const int lowest = out.lowest_exponent;
  if (exponent < lowest + fewest_octaves || exponent >= lowest + LogBins::octaves)
    out.lowest_exponent = std::clamp(exponent + 1 - LogBins::octaves, -126, 127 - LogBins::octaves);
  return out;
}

}  // namespace

EntryHistograms::EntryHistograms(std::string tensor, int64_t channels,
                                 const Granularity& granularity)
    : channels_(channels),
      granularity_(granularity),
      extremes_(std::move(tensor), channels),
      counts_(static_cast<size_t>(worker_count())),
      bins_(static_cast<size_t>(entries()), bins) {}

void EntryHistograms::add(const Tile& tile) {
  std::vector<uint64_t>& counts = counts_[tile.worker];
  if (counts.empty()) counts.resize(static_cast<size_t>(entries() * bins.size()));
  if (is_second_pass_) return count_again(tile, counts);
  if (granularity_ == Granularity::per_channel())  // channels are the kernel's lanes
    kernels::count_bins(tile, bins, counts.data() + tile.first_channel * bins.size(), bins.size());
  else
    granularity_.for_entries(tile, [&](int64_t entry, const Tile& part) {
      kernels::count_bins(part, bins, counts.data() + entry * bins.size(), 0);
    });
  extremes_.add(tile);
}

void EntryHistograms::count_again(const Tile& tile, std::vector<uint64_t>& counts) const {
  granularity_.for_entries(tile, [&](int64_t entry, const Tile& part) {
    if (is_moved(entry))
      kernels::count_bins(part, bins_[entry], counts.data() + entry * bins.size(), 0);
  });
}

bool EntryHistograms::wants_another_pass() {
  if (is_second_pass_) return false;
  const std::vector<Range> ends = this->ends();
  for (int64_t entry = 0; entry < entries(); ++entry) {
    bins_[entry] = bins_for(std::max(std::abs(ends[entry].low), std::abs(ends[entry].high)));
    if (!is_moved(entry)) continue;
    is_second_pass_ = true;
    for (std::vector<uint64_t>& counts : counts_)
      if (!counts.empty()) std::fill_n(counts.data() + entry * bins.size(), bins.size(), 0);
  }
  return is_second_pass_;
}

LogHistogram EntryHistograms::histogram(int64_t entry, const Range& ends) const {
  std::vector<uint64_t> sum(static_cast<size_t>(bins.size()));
  for (const std::vector<uint64_t>& counts : counts_) {
    if (counts.empty()) continue;
    for (int32_t bin = 0; bin < bins.size(); ++bin) sum[bin] += counts[entry * bins.size() + bin];
  }
  return {bins_[entry], sum, static_cast<float>(ends.low), static_cast<float>(ends.high)};
}

std::vector<LogHistogram> EntryHistograms::histograms() const {
  const std::vector<Range> ends = this->ends();
  std::vector<LogHistogram> out;
  for (int64_t entry = 0; entry < entries(); ++entry) out.push_back(histogram(entry, ends[entry]));
  return out;
}

}  // namespace quantdyn
