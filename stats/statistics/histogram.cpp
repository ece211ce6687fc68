// Plugin `histogram`: counts on the log-linear bins that all layers, epochs and runs share.

#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

void save_histogram(const CountedTensor& counted, Frame& frame, const std::string& tensor,
                    int64_t node) {
  const Quantity quantity{.name = "histogram",
                          .units = "1",
                          .long_name = "number of values in each bin",
                          .axis = counted.traits.bin_axis};
  if (counted.traits.channel_histograms) {
    std::vector<uint64_t> by_channel;
    for (int64_t c = 0; c < counted.traits.channels; ++c) {
      const std::vector<uint64_t> counts = counted.counts.of_channel(c);
      by_channel.insert(by_channel.end(), counts.begin(), counts.end());
    }
    frame.channel(tensor, quantity, node, std::span<const uint64_t>(by_channel));
  }
  frame.layer(tensor, quantity, node, std::span<const uint64_t>(counted.counts.of_layer()));
}

/// The bins with the labels `<name>_lower` and `<name>_upper`.
std::vector<ExtraAxis> bin_axis(const TensorTraits& traits) {
  const LogBins& bins = traits.bins;
  const std::string& name = traits.bin_axis;
  ExtraAxis out{name,
                "bins of the log-linear histogram" + traits.of_what + ", in value order",
                bins.size(),
                {}};
  AxisLabel lower{{name + "_lower", "1", "lower edge of the bin", "", name}, {}};
  AxisLabel upper{{name + "_upper", "1", "upper edge of the bin", "", name}, {}};
  for (int32_t bin = 0; bin < bins.size(); ++bin) {
    lower.values.push_back(bins.lower(bin));
    upper.values.push_back(bins.upper(bin));
  }
  out.labels = {std::move(lower), std::move(upper)};
  return {out};
}

const Registered<StatisticKind> histogram{
    "histogram", "counts on 584 log-linear bins, the same for all tensors",
    [](const Options& options) {
      options.finish();
      return std::make_unique<StatisticKind>(StatisticKind{{}, save_histogram, {}, bin_axis});
    },
    2};

}  // namespace
}  // namespace quantdyn
