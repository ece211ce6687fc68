#include "quant/distribution.h"

#include <algorithm>

namespace quantdyn {

std::vector<Distribution> exact_distributions(View<const float> values,
                                              const Granularity& granularity) {
  const int64_t channels = values.shape.channels();
  std::vector<std::vector<float>> by_entry(static_cast<size_t>(granularity.entries(channels)));
  for (int64_t i = 0; i < values.elements(); ++i)
    by_entry[granularity.entry_of(i % channels)].push_back(values.data[i]);
  std::vector<Distribution> out;
  for (std::vector<float>& sorted : by_entry) {
    std::ranges::sort(sorted);
    Distribution& distribution = out.emplace_back();
    for (float value : sorted) {
      if (distribution.values.empty() || distribution.values.back() != value) {
        distribution.values.push_back(value);
        distribution.counts.push_back(0);
      }
      ++distribution.counts.back();
    }
  }
  return out;
}

Distribution binned_distribution(const LogHistogram& histogram) {
  Distribution out;
  const LogBins& bins = histogram.bins();
  for (int32_t bin = 0; bin < bins.nan(); ++bin) {
    if (histogram.counts()[bin] == 0) continue;
    const double lower = std::max<double>(bins.lower(bin), histogram.minimum());
    const double upper = std::min<double>(bins.upper(bin), histogram.maximum());
    out.values.push_back(static_cast<float>((lower + upper) / 2));
    out.counts.push_back(histogram.counts()[bin]);
  }
  return out;
}

Distribution clipped(const Distribution& distribution, const Range& range) {
  const auto low = static_cast<float>(range.low), high = static_cast<float>(range.high);
  Distribution out;
  for (size_t i = 0; i < distribution.values.size(); ++i) {
    const float value = std::clamp(distribution.values[i], low, high);
    if (out.values.empty() || out.values.back() != value) {
      out.values.push_back(value);
      out.counts.push_back(0);
    }
    out.counts.back() += distribution.counts[i];
  }
  return out;
}

}  // namespace quantdyn
