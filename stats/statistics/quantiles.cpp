// Plugin `quantiles`: from the histogram's counts, or exact by further passes over the values.

#include <algorithm>

#include "stats/statistics/exact_quantiles.h"
#include "stats/statistics/quantile_places.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

/// The smallest and largest value if known; else the bins' edges bound them.
struct Ends {
  double minimum = -HUGE_VAL, maximum = HUGE_VAL;

  Ends(std::span<const double> minima, std::span<const double> maxima, int64_t i) {
    if (!minima.empty() && !std::isnan(minima[i])) minimum = minima[i];
    if (!maxima.empty() && !std::isnan(maxima[i])) maximum = maxima[i];
  }
};

/// Assumes that a bin's values are spread evenly between its edges, clipped to the ends.
QuantileEstimate estimate(const std::vector<uint64_t>& counts, const LogBins& bins,
                          const Ends& ends) {
  QuantileEstimate out;
  const uint64_t n = ordered_values(counts, bins);
  if (n == 0) return out;
  RankPlace lower_place;
  for (size_t i = 0; i < quantile_fractions.size(); ++i) {
    const QuantileRanks ranks(quantile_fractions[i], n);
    const auto edges = [&](uint64_t rank, const RankPlace& place) {
      const double lower = std::max(bins.lower(place.bin), ends.minimum);
      const double upper = std::min(bins.upper(place.bin), ends.maximum);
      const double inside =
          (static_cast<double>(rank - place.before) + 0.5) / static_cast<double>(counts[place.bin]);
      const double value = lower == upper ? lower : std::lerp(lower, upper, inside);
      return std::array{lower, value, upper};
    };
    lower_place = place_of_rank(counts, ranks.lower, lower_place);
    const auto low = edges(ranks.lower, lower_place);
    const auto high = edges(ranks.upper, place_of_rank(counts, ranks.upper, lower_place));
    out.value[i] = ranks.between(low[1], high[1]);
    out.lower[i] = low[0];
    out.upper[i] = high[2];
  }
  return out;
}

void save_estimates(const CountedTensor& counted, Frame& frame, const std::string& tensor,
                    int64_t node) {
  const LogBins& bins = counted.traits.bins;
  const auto ends = [&](auto values, int64_t i) { return Ends(values("min"), values("max"), i); };
  std::vector<QuantileEstimate> channels;
  for (int64_t c = 0; c < counted.traits.channels; ++c)
    channels.push_back(estimate(
        counted.counts.of_channel(c), bins,
        ends([&](const char* name) { return frame.channel_values<double>(tensor, name, node); },
             c)));
  const QuantileEstimate layer = estimate(
      counted.counts.of_layer(), bins,
      ends([&](const char* name) { return frame.layer_values<double>(tensor, name, node); }, 0));
  save_quantiles(channels, layer, frame, tensor, node);
}

std::vector<ExtraAxis> quantile_axis(const TensorTraits&) {
  return {{"quantile",
           "fraction of the values",
           static_cast<int64_t>(quantile_fractions.size()),
           {},
           {quantile_fractions.begin(), quantile_fractions.end()}}};
}

const Registered<StatisticKind> quantiles{
    "quantiles", "at 0.1, 1, 5, 25, 50, 75, 95, 99 and 99.9 %, with the bins that hold them",
    [](const Options& options) {
      const bool exact = options.flag("exact", false,
                                      "find the exact values, in four to six more passes over "
                                      "the images; 2.3 KB per channel, tensor and thread");
      options.finish();
      StatisticKind kind;
      if (exact)
        kind.refine = exact_quantiles;
      else
        kind.derive = save_estimates;
      kind.axes = quantile_axis;
      return std::make_unique<StatisticKind>(std::move(kind));
    },
    4};

}  // namespace
}  // namespace quantdyn
