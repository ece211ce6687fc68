#include "quant/entry_histograms.h"

#include <algorithm>
#include <utility>

#include "framework/threads.h"
#include "stats/kernels.h"

namespace quantdyn {

EntryHistograms::EntryHistograms(std::string tensor, int64_t channels,
                                 const Granularity& granularity)
    : channels_(channels),
      granularity_(granularity),
      extremes_(std::move(tensor), channels),
      counts_(static_cast<size_t>(worker_count())) {}

void EntryHistograms::add(const Tile& tile) {
  std::vector<uint64_t>& counts = counts_[tile.worker];
  if (counts.empty()) counts.resize(static_cast<size_t>(entries() * bins.size()));
  if (granularity_ == Granularity::per_channel())  // channels are the kernel's lanes
    kernels::count_bins(tile, bins, counts.data() + tile.first_channel * bins.size(), bins.size());
  else
    granularity_.for_entries(tile, [&](int64_t entry, const Tile& part) {
      kernels::count_bins(part, bins, counts.data() + entry * bins.size(), 0);
    });
  extremes_.add(tile);
}

std::vector<LogHistogram> EntryHistograms::histograms() const {
  const std::vector<Range> ends = this->ends();
  std::vector<LogHistogram> out;
  for (int64_t entry = 0; entry < entries(); ++entry) {
    std::vector<uint64_t> sum(static_cast<size_t>(bins.size()));
    for (const std::vector<uint64_t>& counts : counts_) {
      if (counts.empty()) continue;
      for (int32_t bin = 0; bin < bins.size(); ++bin) sum[bin] += counts[entry * bins.size() + bin];
    }
    out.emplace_back(bins, sum, static_cast<float>(ends[entry].low),
                     static_cast<float>(ends[entry].high));
  }
  return out;
}

}  // namespace quantdyn
