#include "experiments/explain/clipped_range.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {

double remaining_when_clipped(const NetFacts& net, const LayerFacts& layer,
                              const std::string& histogram, const SchemeFacts& scheme) {
  const std::string tensor = histogram.substr(0, histogram.find('/'));
  const auto found = layer.counts.find(histogram);
  const double low = std::min(layer.value(tensor + "/min"), 0.0),
               high = std::max(layer.value(tensor + "/max"), 0.0);
  if (found == layer.counts.end() || found->second.size() != net.bin_lower.size() ||
      !(high - low > 0))
    return std::nan("");
  const std::vector<double>& counts = found->second;
  const double steps = std::pow(2.0, scheme.bit_width) - 1;
  const auto error_of = [&](double factor) {
    const double first = low * factor, last = high * factor, step = (last - first) / steps;
    double sum = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const double middle = (net.bin_lower[i] + net.bin_upper[i]) / 2;
      if (counts[i] == 0 || !std::isfinite(middle) || middle == 0) continue;
      const double outside = std::max({first - middle, middle - last, 0.0});
      sum += counts[i] * (outside > 0 ? outside * outside : step * step / 12);
    }
    return sum;
  };
  const double whole = error_of(1);
  double best = whole;
  for (int k = 1; k <= 24; ++k) best = std::min(best, error_of(std::pow(2.0, -k / 4.0)));
  return whole > 0 ? best / whole : std::nan("");
}

}  // namespace quantdyn
