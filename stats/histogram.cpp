// Plugin `histogram`: counts on the log-linear bins that every layer, epoch and run share.

#include <utility>

#include "stats/channel_counts.h"
#include "stats/statistic.h"

namespace quantdyn {
namespace {

class alignas(64) Histogram final : public Statistic {
 public:
  explicit Histogram(const TensorTraits& traits)
      : Histogram(traits, ChannelCounts(traits.channels, traits.bins)) {}
  Histogram(const TensorTraits& traits, ChannelCounts counts)
      : traits_(traits), counts_(std::move(counts)) {}

  void add(const Tile& tile) override { counts_.add(tile); }
  void end_chunk(int64_t) override {}  // counts are whole numbers and need no chunks
  void merge(Statistic&& other) override {
    counts_.merge(dynamic_cast<const Histogram&>(other).counts_);
  }

  void save(Frame& frame, const std::string& tensor, int64_t node) override {
    const int32_t bins = counts_.bins().size();
    std::vector<uint64_t> by_channel, layer(static_cast<size_t>(bins));
    by_channel.reserve(static_cast<size_t>(traits_.channels * bins));
    for (int64_t c = 0; c < traits_.channels; ++c)
      for (int32_t bin = 0; bin < bins; ++bin) {
        by_channel.push_back(counts_.count(c, bin));
        layer[bin] += by_channel.back();
      }
    const Quantity quantity{"histogram", "1", "number of values in each bin", "", traits_.bin_axis};
    if (traits_.channel_histograms)
      frame.channel(tensor, quantity, node, std::span<const uint64_t>(by_channel));
    frame.layer(tensor, quantity, node, std::span<const uint64_t>(layer));
  }

  bool can_go_behind() const override { return true; }

  /// Negative values end in the bin of 0, for relu6 those over 6 in the bin that starts with 6.
  std::unique_ptr<Statistic> behind(Activation activation) const override {
    const LogBins& bins = counts_.bins();
    const int32_t low = activation == Activation::none ? 0 : bins.zero();
    const int32_t high = activation == Activation::relu6 ? bins.index(6.0f) : bins.nan() - 1;
    return std::make_unique<Histogram>(traits_, counts_.clamped(low, high));
  }

 private:
  TensorTraits traits_;
  ChannelCounts counts_;
};

const Registered<StatisticKind> histogram{"histogram",
                                          "counts on 584 log-linear bins, the same for all tensors",
                                          [](const Options& options) {
                                            options.finish();
                                            return statistic_kind<Histogram>();
                                          }};

}  // namespace
}  // namespace quantdyn
