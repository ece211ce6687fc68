// Plugin `histogram`: counts on the log-linear bins that every layer, epoch and run share.

#include <algorithm>
#include <limits>

#include "framework/error.h"
#include "framework/tensor.h"
#include "stats/kernels.h"
#include "stats/statistic.h"

namespace quantdyn {
namespace {

const Quantity histogram_quantity{"histogram", "1", "number of values in each bin", "", "bin"};

class alignas(64) Histogram final : public Statistic {
 public:
  explicit Histogram(int64_t channels)
      : channels_(channels),
        counts_(padded_channels(channels * bins_.size())),
        rows_(padded_channels(channels)) {}

  void add(const Tile& tile) override {
    for (int64_t c = tile.first_channel; c < tile.first_channel + tile.channels; ++c)
      rows_[c] += tile.rows;
    kernels::count_bins(tile, bins_, counts_.data() + tile.first_channel * bins_.size(),
                        bins_.size());
  }

  /// Counts are whole numbers and need no chunks; but a counter must not run over unseen.
  void end_chunk(int64_t) override { check_size(); }

  void merge(Statistic&& other) override {
    const auto& right = dynamic_cast<const Histogram&>(other);
    for (int64_t c = 0; c < channels_; ++c) rows_[c] += right.rows_[c];
    check_size();
    for (int64_t i = 0; i < channels_ * bins_.size(); ++i) counts_[i] += right.counts_[i];
  }

  void save(Frame& frame, const std::string& tensor, int64_t node) override {
    const auto used = counts_.values().first(static_cast<size_t>(channels_ * bins_.size()));
    const std::vector<uint64_t> by_channel(used.begin(), used.end());
    std::vector<uint64_t> layer(static_cast<size_t>(bins_.size()));
    for (size_t i = 0; i < by_channel.size(); ++i) layer[i % layer.size()] += by_channel[i];
    frame.channel(tensor, histogram_quantity, node, std::span<const uint64_t>(by_channel));
    frame.layer(tensor, histogram_quantity, node, std::span<const uint64_t>(layer));
  }

  bool can_go_behind() const override { return true; }

  /// Negative values end in the bin of 0, for relu6 those over 6 in the bin that starts with 6.
  std::unique_ptr<Statistic> behind(Activation activation) const override {
    auto out = std::make_unique<Histogram>(channels_);
    out->rows_ = rows_;
    const int32_t low = activation == Activation::none ? 0 : bins_.zero();
    const int32_t high = activation == Activation::relu6 ? bins_.index(6.0f) : bins_.nan() - 1;
    for (int64_t c = 0; c < channels_; ++c)
      for (int32_t bin = 0; bin < bins_.size(); ++bin) {
        const int32_t to = bin == bins_.nan() ? bin : std::clamp(bin, low, high);
        out->counts_[c * bins_.size() + to] += counts_[c * bins_.size() + bin];
      }
    return out;
  }

 private:
  void check_size() const {
    constexpr int64_t most = std::numeric_limits<uint32_t>::max();
    for (int64_t c = 0; c < channels_; ++c)
      if (rows_[c] > most)
        fail("histogram: channel {} has {} values; accepted: up to {}", c, rows_[c], most);
  }

  LogBins bins_;
  int64_t channels_;
  Tensor<uint32_t> counts_;  // [channels, bins]
  Tensor<int64_t> rows_;     // values seen, by channel
};

const Registered<StatisticKind> histogram{"histogram",
                                          "counts on 584 log-linear bins, the same for all tensors",
                                          [](const Options& options) {
                                            options.finish();
                                            return statistic_kind<Histogram>();
                                          }};

}  // namespace
}  // namespace quantdyn
