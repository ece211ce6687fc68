// Plugin `signs`: how many values are zero, and how many negative.

#include <limits>
#include <numeric>

#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

const Quantity zero_quantity{.name = "zero_fraction",
                             .units = "1",
                             .long_name = "share of values that are 0 or -0",
                             .formula = "values = 0 / count"};
const Quantity negative_quantity{.name = "negative_fraction",
                                 .units = "1",
                                 .long_name = "share of values under 0",
                                 .formula = "values < 0 / count"};

/// Shares of all values; a NaN is neither zero nor negative.
struct Signs {
  double zero = std::numeric_limits<double>::quiet_NaN();
  double negative = std::numeric_limits<double>::quiet_NaN();

  Signs(const std::vector<uint64_t>& counts, const LogBins& bins) {
    const auto total =
        static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
    if (total == 0) return;
    const auto middle = counts.begin() + bins.zero();
    zero = static_cast<double>(*middle) / total;
    negative = static_cast<double>(std::accumulate(counts.begin(), middle, uint64_t{0})) / total;
  }
};

void save_signs(const CountedTensor& counted, Frame& frame, const std::string& tensor,
                int64_t node) {
  std::vector<double> zero, negative;
  for (int64_t c = 0; c < counted.traits.channels; ++c) {
    const Signs signs(counted.counts.of_channel(c), counted.traits.bins);
    zero.push_back(signs.zero);
    negative.push_back(signs.negative);
  }
  const Signs layer(counted.counts.of_layer(), counted.traits.bins);
  frame.channel(tensor, zero_quantity, node, std::span<const double>(zero));
  frame.channel(tensor, negative_quantity, node, std::span<const double>(negative));
  frame.layer(tensor, zero_quantity, node, layer.zero);
  frame.layer(tensor, negative_quantity, node, layer.negative);
}

const Registered<StatisticKind> signs{
    "signs", "zero_fraction and negative_fraction, from the histogram's counts",
    [](const Options& options) {
      options.finish();
      return std::make_unique<StatisticKind>(StatisticKind{{}, save_signs, {}, {}});
    },
    3};

}  // namespace
}  // namespace quantdyn
