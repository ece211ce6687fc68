// Plugin `moments`: counts, ends, the first four moments and norms, and values that are not finite.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "stats/statistics/channel_spreads.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

const Quantity count_quantity{
    .name = "count", .units = "1", .long_name = "number of values, not finite ones included"};
const Quantity nan_quantity{
    .name = "nan_count", .units = "1", .long_name = "number of values that are not a number"};
const Quantity infinity_quantity{
    .name = "infinity_count", .units = "1", .long_name = "number of infinite values"};
const Quantity min_quantity{
    .name = "min", .units = "1", .long_name = "smallest value, NaN left out"};
const Quantity max_quantity{
    .name = "max", .units = "1", .long_name = "largest value, NaN left out"};
const Quantity absolute_max_quantity{.name = "absolute_max",
                                     .units = "1",
                                     .long_name = "largest magnitude, NaN left out",
                                     .formula = "max |x|"};
const Quantity mean_quantity{.name = "mean",
                             .units = "1",
                             .long_name = "mean of all values; NaN where one is not finite",
                             .formula = "sum x / count"};
const Quantity variance_quantity{
    .name = "variance",
    .units = "1",
    .long_name = "population variance; NaN where a value is not finite",
    .formula = "m_2, m_k = sum (x - mean)^k / count"};
const Quantity std_quantity{
    .name = "std",
    .units = "1",
    .long_name = "population standard deviation; NaN where a value is not finite",
    .formula = "sqrt(sum (x - mean)^2 / count)"};
const Quantity skewness_quantity{
    .name = "skewness",
    .units = "1",
    .long_name = "skewness; NaN where all values are equal or one is not finite",
    .formula = "m_3 / m_2^(3/2), m_k = sum (x - mean)^k / count"};
const Quantity kurtosis_quantity{
    .name = "kurtosis",
    .units = "1",
    .long_name =
        "kurtosis (3 for a normal distribution); NaN where all values are "
        "equal or one is not finite",
    .formula = "m_4 / m_2^2, m_k = sum (x - mean)^k / count"};
const Quantity l1_quantity{.name = "l1_norm",
                           .units = "1",
                           .long_name = "sum of magnitudes; NaN where a value is not finite",
                           .formula = "sum |x|"};
const Quantity l2_quantity{.name = "l2_norm",
                           .units = "1",
                           .long_name = "Euclidean norm; NaN where a value is not finite",
                           .formula = "sqrt(sum x^2)"};

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// What is saved for one channel or for the layer.
struct Summary {
  uint64_t count = 0, nan_count = 0, infinity_count = 0;
  float minimum = std::numeric_limits<float>::infinity();
  float maximum = -std::numeric_limits<float>::infinity();
  Spread spread;

  bool finite() const { return nan_count + infinity_count == 0 && count > 0; }
  double min() const { return minimum > maximum ? missing : minimum; }
  double max() const { return minimum > maximum ? missing : maximum; }
  double absolute_max() const { return std::max(std::abs(min()), std::abs(max())); }
  double mean() const { return finite() ? spread.mean : missing; }
  double variance() const { return finite() ? spread.variance() : missing; }
  double std() const { return finite() ? spread.standard_deviation() : missing; }
  double skewness() const { return finite() ? spread.skewness() : missing; }
  double kurtosis() const { return finite() ? spread.kurtosis() : missing; }
  double l1_norm() const { return finite() ? spread.absolute : missing; }
  double l2_norm() const {  // both summands are positive: nothing cancels
    return finite() ? std::sqrt(spread.deviations + spread.count * spread.mean * spread.mean)
                    : missing;
  }
};

class Moments final : public Statistic {
 public:
  explicit Moments(int64_t channels)
      : channels_(channels), spreads_(channels), summaries_(static_cast<size_t>(channels)) {}

  void add(const Tile& tile) override {
    if (activated_ == nullptr) {
      if (!spreads_.add(tile)) count_not_finite(tile, FusedActivation::none);
    } else if (!spreads_.add(tile, activation_, activated_->spreads_)) {
      count_not_finite(tile, FusedActivation::none);
      activated_->count_not_finite(tile, activation_);
    }
  }

  std::unique_ptr<Statistic> of_activation(FusedActivation activation) override {
    if (activation == FusedActivation::none || activated_) return {};
    auto out = std::make_unique<Moments>(channels_);
    activated_ = out.get();
    activation_ = activation;
    return out;
  }

  void end_chunk(int64_t chunk) override { spreads_.end_chunk(chunk); }

  void merge(Statistic&& other) override {
    auto& right = dynamic_cast<Moments&>(other);
    spreads_.merge(std::move(right.spreads_));
    for (int64_t c = 0; c < channels_; ++c) {
      summaries_[c].nan_count += right.summaries_[c].nan_count;
      summaries_[c].infinity_count += right.summaries_[c].infinity_count;
    }
  }

  void visit_state(StateVisitor state) override {
    spreads_.visit_state(state.group("spreads"));
    std::vector<uint64_t> counts;  // of NaN and of infinite values, by channel
    for (const Summary& channel : summaries_)
      counts.insert(counts.end(), {channel.nan_count, channel.infinity_count});
    state.visit_fixed("not_finite", counts);
    for (size_t c = 0; c < summaries_.size(); ++c) {
      summaries_[c].nan_count = counts[2 * c];
      summaries_[c].infinity_count = counts[2 * c + 1];
    }
  }

  void save(Frame& frame, const std::string& tensor, int64_t node) override {
    finish_channels();
    const Summary layer = layer_summary();
    save_counts(frame, tensor, node, count_quantity, layer, &Summary::count);
    save_counts(frame, tensor, node, nan_quantity, layer, &Summary::nan_count);
    save_counts(frame, tensor, node, infinity_quantity, layer, &Summary::infinity_count);
    save_values(frame, tensor, node, min_quantity, layer, &Summary::min);
    save_values(frame, tensor, node, max_quantity, layer, &Summary::max);
    save_values(frame, tensor, node, absolute_max_quantity, layer, &Summary::absolute_max);
    save_values(frame, tensor, node, mean_quantity, layer, &Summary::mean);
    save_values(frame, tensor, node, variance_quantity, layer, &Summary::variance);
    save_values(frame, tensor, node, std_quantity, layer, &Summary::std);
    save_values(frame, tensor, node, skewness_quantity, layer, &Summary::skewness);
    save_values(frame, tensor, node, kurtosis_quantity, layer, &Summary::kurtosis);
    save_values(frame, tensor, node, l1_quantity, layer, &Summary::l1_norm);
    save_values(frame, tensor, node, l2_quantity, layer, &Summary::l2_norm);
  }

 private:
  void count_not_finite(const Tile& tile, FusedActivation activation) {
    for (int64_t c = 0; c < tile.channels; ++c) {
      if (spreads_.is_finite(tile.first_channel + c)) continue;
      Summary& summary = summaries_[tile.first_channel + c];
      for (int64_t row = 0; row < tile.rows; ++row) {
        const float x = ends_of(activation).clip(tile.values[row * tile.row_stride + c]);
        summary.nan_count += std::isnan(x);
        summary.infinity_count += std::isinf(x);
      }
    }
  }

  void finish_channels() {
    const std::vector<Spread> spreads = spreads_.finish();
    for (int64_t c = 0; c < channels_; ++c) {
      summaries_[c].count = static_cast<uint64_t>(spreads[c].count);
      summaries_[c].spread = spreads[c];
      summaries_[c].minimum = spreads_.minimum(c);
      summaries_[c].maximum = spreads_.maximum(c);
    }
  }

  /// Derived from those of the channels.
  Summary layer_summary() const {
    Summary layer;
    std::vector<Spread> spreads;
    for (const Summary& channel : summaries_) {
      layer.count += channel.count;
      layer.nan_count += channel.nan_count;
      layer.infinity_count += channel.infinity_count;
      layer.minimum = std::min(layer.minimum, channel.minimum);
      layer.maximum = std::max(layer.maximum, channel.maximum);
      spreads.push_back(channel.spread);
    }
    layer.spread = pooled(spreads);
    return layer;
  }

  void save_counts(Frame& frame, const std::string& tensor, int64_t node, const Quantity& quantity,
                   const Summary& layer, uint64_t Summary::*member) const {
    std::vector<uint64_t> values;
    for (const Summary& channel : summaries_) values.push_back(channel.*member);
    frame.channel(tensor, quantity, node, std::span<const uint64_t>(values));
    frame.layer(tensor, quantity, node, layer.*member);
  }
  void save_values(Frame& frame, const std::string& tensor, int64_t node, const Quantity& quantity,
                   const Summary& layer, double (Summary::*member)() const) const {
    std::vector<double> values;
    for (const Summary& channel : summaries_) values.push_back((channel.*member)());
    frame.channel(tensor, quantity, node, std::span<const double>(values));
    frame.layer(tensor, quantity, node, (layer.*member)());
  }

  int64_t channels_;
  Moments* activated_ = nullptr;  // gets the values after activation_
  FusedActivation activation_ = FusedActivation::none;
  ChannelSpreads spreads_;
  std::vector<Summary> summaries_;  // values that are not finite; save() fills in the rest
};

const Registered<StatisticKind> moments{
    "moments",
    "count, min, max, absolute_max, mean, variance, std, skewness, kurtosis, l1_norm, l2_norm, and "
    "how many values are NaN or infinite",
    [](const Options& options) {
      options.finish();
      return statistic_kind<Moments>();
    },
    1};

}  // namespace
}  // namespace quantdyn
