#include "quant/quantizers/distribution.h"

#include <algorithm>
#include <utility>

namespace quantdyn {

float median_of(const Distribution& distribution) {
  uint64_t total = 0, below = 0;
  for (uint64_t count : distribution.counts) total += count;
  size_t i = 0;
  while (2 * (below += distribution.counts[i]) < total) ++i;
  return distribution.values[i];
}

Distribution exact_distribution(std::vector<float> values) {
  std::ranges::sort(values);
  Distribution out;
  for (float value : values) {
    if (out.values.empty() || out.values.back() != value) {
      out.values.push_back(value);
      out.counts.push_back(0);
    }
    ++out.counts.back();
  }
  return out;
}

std::vector<Distribution> exact_distributions(View<const float> values,
                                              const Granularity& granularity) {
  const int64_t channels = values.shape.channels();
  std::vector<std::vector<float>> by_entry(static_cast<size_t>(granularity.entries(channels)));
  for (int64_t i = 0; i < values.elements(); ++i)
    by_entry[granularity.entry_of(i % channels)].push_back(values.data[i]);
  std::vector<Distribution> out;
  for (std::vector<float>& entry : by_entry) out.push_back(exact_distribution(std::move(entry)));
  return out;
}

Distribution binned_distribution(const LogHistogram& histogram, int points) {
  Distribution out;
  const LogBins& bins = histogram.bins();
  for (int32_t bin = 0; bin < bins.nan(); ++bin) {
    if (histogram.counts()[bin] == 0) continue;
    const double lower = std::max<double>(bins.lower(bin), histogram.minimum());
    const double upper = std::min<double>(bins.upper(bin), histogram.maximum());
    const int different = lower == upper ? 1 : points;
    for (int i = 0; i < different; ++i) {
      out.values.push_back(static_cast<float>(lower + (upper - lower) * (i + 0.5) / different));
      out.counts.push_back(histogram.counts()[bin] * static_cast<uint64_t>(points / different));
    }
  }
  return out;
}

Distribution clipped_to(const Distribution& distribution, const Range& range) {
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
