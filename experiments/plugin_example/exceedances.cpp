// Statistic `exceedances`: the number of values over each of a list of thresholds, by layer and
// channel, on an axis of its own.
#include <quantdyn/statistic.h>

#include <algorithm>

namespace {

using namespace quantdyn;

/// Counts do not depend on the order, so any number of threads gives the same.
class Exceedances final : public Statistic {
 public:
  Exceedances(int64_t channels, std::vector<double> thresholds)
      : channels_(static_cast<size_t>(channels)),
        thresholds_(std::move(thresholds)),
        counts_(channels_ * thresholds_.size()) {}

  void add(const Tile& tile) override {
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t c = 0; c < tile.channels; ++c)
        for (size_t t = 0; t < thresholds_.size(); ++t)
          counts_[static_cast<size_t>(tile.first_channel + c) * thresholds_.size() + t] +=
              tile.values[row * tile.row_stride + c] > thresholds_[t];
  }
  void end_chunk(int64_t) override {}
  void merge(Statistic&& other) override {
    const auto& theirs = static_cast<const Exceedances&>(other).counts_;
    std::ranges::transform(counts_, theirs, counts_.begin(), std::plus<>());
  }
  void visit_state(StateVisitor state) override { state.visit_fixed("counts", counts_); }
  void save(Frame& frame, const std::string& tensor, int64_t node) override {
    const Quantity quantity{"exceedances", "1", "number of values over each threshold", "",
                            "threshold"};
    std::vector<uint64_t> layer(thresholds_.size());
    for (size_t i = 0; i < counts_.size(); ++i) layer[i % thresholds_.size()] += counts_[i];
    frame.channel(tensor, quantity, node, std::span<const uint64_t>(counts_));
    frame.layer(tensor, quantity, node, std::span<const uint64_t>(layer));
  }

 private:
  size_t channels_;
  std::vector<double> thresholds_;
  std::vector<uint64_t> counts_;  // [channels, thresholds]
};

std::unique_ptr<StatisticKind> make(const Options& options) {
  const std::vector<double> thresholds = options.numbers(
      "thresholds", std::vector<double>{1, 2, 4, 6}, {}, "counts values over these");
  options.finish();
  auto kind = statistic_kind<Exceedances>(thresholds);
  kind->axes = [thresholds](const TensorTraits&) {
    return std::vector<ExtraAxis>{{"threshold",
                                   "what values are over",
                                   static_cast<int64_t>(thresholds.size()),
                                   {},
                                   thresholds}};
  };
  return kind;
}

const Registered<StatisticKind> exceedances{"exceedances", "how many values are over thresholds",
                                            make};

}  // namespace
