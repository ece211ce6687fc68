// Plugin `histogram`: counts on the log-linear bins that every layer, epoch and run share.

#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

void save_histogram(const CountedTensor& counted, Frame& frame, const std::string& tensor,
                    int64_t node) {
  const Quantity quantity{"histogram", "1", "number of values in each bin", "",
                          counted.traits.bin_axis};
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

const Registered<StatisticKind> histogram{
    "histogram", "counts on 584 log-linear bins, the same for all tensors",
    [](const Options& options) {
      options.finish();
      return std::make_unique<StatisticKind>(StatisticKind{{}, save_histogram, {}});
    }};

}  // namespace
}  // namespace quantdyn
