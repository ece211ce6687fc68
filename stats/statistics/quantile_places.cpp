#include "stats/statistics/quantile_places.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace quantdyn {
namespace {

using Values = std::array<double, quantile_fractions.size()>;

const Quantity value_quantity{
    .name = "quantiles",
    .units = "1",
    .long_name = "quantiles of the values that are not NaN",
    .formula = "x_k + w (x_{k+1} - x_k), k + w = fraction (n - 1), Hyndman & Fan 1996, type 7",
    .axis = "quantile"};
const Quantity lower_quantity{.name = "quantile_lower",
                              .units = "1",
                              .long_name = "lower end of the bin in which the quantile lies",
                              .axis = "quantile"};
const Quantity upper_quantity{.name = "quantile_upper",
                              .units = "1",
                              .long_name = "upper end of the bin in which the quantile lies",
                              .axis = "quantile"};

}  // namespace

QuantileRanks::QuantileRanks(double fraction, uint64_t n) {
  const double place = fraction * static_cast<double>(n - 1);
  lower = static_cast<uint64_t>(place);
  weight = place - static_cast<double>(lower);
  upper = weight > 0 ? lower + 1 : lower;
}

double QuantileRanks::between(double at_lower, double at_upper) const {
  if (at_lower == at_upper) return at_lower;  // also for infinities
  return std::lerp(at_lower, at_upper, weight);
}

RankPlace place_of_rank(std::span<const uint64_t> counts, uint64_t rank, RankPlace from) {
  while (from.before + counts[from.bin] <= rank) from.before += counts[from.bin++];
  return from;
}

uint64_t ordered_values(std::span<const uint64_t> counts, const LogBins& bins) {
  return std::accumulate(counts.begin(), counts.begin() + bins.nan(), uint64_t{0});
}

QuantileEstimate::QuantileEstimate() {
  for (Values* values : {&value, &lower, &upper})
    values->fill(std::numeric_limits<double>::quiet_NaN());
}

void save_quantiles(std::span<const QuantileEstimate> channels, const QuantileEstimate& layer,
                    Frame& frame, const std::string& tensor, int64_t node) {
  const auto save = [&](const Quantity& quantity, Values QuantileEstimate::*member) {
    std::vector<double> by_channel;
    for (const QuantileEstimate& channel : channels)
      by_channel.insert(by_channel.end(), (channel.*member).begin(), (channel.*member).end());
    frame.channel(tensor, quantity, node, std::span<const double>(by_channel));
    frame.layer(tensor, quantity, node, std::span<const double>(layer.*member));
  };
  save(value_quantity, &QuantileEstimate::value);
  save(lower_quantity, &QuantileEstimate::lower);
  save(upper_quantity, &QuantileEstimate::upper);
}

}  // namespace quantdyn
