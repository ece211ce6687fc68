// Plugin `moments`: count, minimum, maximum, mean, standard deviation, and what is not finite.

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/tensor.h"
#include "framework/threads.h"
#include "stats/kernels.h"
#include "stats/statistic.h"

namespace quantdyn {
namespace {

const Quantity count_quantity{"count", "1", "number of values, not finite ones included", "", ""};
const Quantity nan_quantity{"nan_count", "1", "number of values that are not a number", "", ""};
const Quantity infinity_quantity{"infinity_count", "1", "number of infinite values", "", ""};
const Quantity min_quantity{"min", "1", "smallest value, NaN left out", "", ""};
const Quantity max_quantity{"max", "1", "largest value, NaN left out", "", ""};
const Quantity mean_quantity{"mean", "1", "mean of all values; NaN where one is not finite",
                             "sum x / count", ""};
const Quantity std_quantity{"std", "1",
                            "population standard deviation; NaN where a value is not finite",
                            "sqrt(sum (x - mean)^2 / count)", ""};

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// Mean and squared deviations of some values of a channel.
struct Spread {
  double count = 0, mean = 0, deviations = 0;  // deviations: sum (x - mean)^2

  /// Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm", eq. 2.1.
  void merge(const Spread& other) {
    if (other.count == 0) return;
    const double total = count + other.count;
    const double difference = other.mean - mean;
    mean += difference * (other.count / total);
    deviations += other.deviations + difference * difference * (count / total * other.count);
    count = total;
  }
};

/// What is saved of one channel or of the layer.
struct Summary {
  uint64_t count = 0, nan_count = 0, infinity_count = 0;
  float minimum = std::numeric_limits<float>::infinity();
  float maximum = -std::numeric_limits<float>::infinity();
  Spread spread;

  bool finite() const { return nan_count + infinity_count == 0 && count > 0; }
  double min() const { return minimum > maximum ? missing : minimum; }
  double max() const { return minimum > maximum ? missing : maximum; }
  double mean() const { return finite() ? spread.mean : missing; }
  double std() const { return finite() ? std::sqrt(spread.deviations / spread.count) : missing; }
};

class alignas(64) Moments final : public Statistic {
 public:
  explicit Moments(int64_t channels)
      : channels_(channels),
        rows_(padded_channels(channels)),
        shift_(padded_channels(channels)),
        sum_(padded_channels(channels)),
        square_(padded_channels(channels)),
        minimum_(padded_channels(channels)),
        maximum_(padded_channels(channels)),
        summaries_(static_cast<size_t>(channels)) {
    minimum_.fill(std::numeric_limits<float>::infinity());
    maximum_.fill(-std::numeric_limits<float>::infinity());
  }

  void add(const Tile& tile) override {
    const int64_t first = tile.first_channel;
    begin_channels(tile);
    kernels::add_moments(tile, {shift_.data() + first, sum_.data() + first, square_.data() + first,
                                minimum_.data() + first, maximum_.data() + first});
    // Finite floats cannot overflow a double, so a sum that is not finite has met one that is not.
    bool all_finite = true;
    for (int64_t c = first; c < first + tile.channels; ++c)
      all_finite &= std::abs(sum_[c]) <= std::numeric_limits<double>::max();
    if (!all_finite) count_not_finite(tile);
  }

  void end_chunk(int64_t chunk) override {
    std::vector<Spread> spreads(static_cast<size_t>(channels_));
    bool any = false;
    for (int64_t c = 0; c < channels_; ++c) {
      if (rows_[c] == 0) continue;
      any = true;
      const auto count = static_cast<double>(rows_[c]);
      const double mean = sum_[c] / count;
      // Rounding can bring the deviations of almost equal values under zero, where no square is.
      spreads[c] = {count, shift_[c] + mean, std::max(square_[c] - sum_[c] * mean, 0.0)};
      summaries_[c].count += static_cast<uint64_t>(rows_[c]);
      rows_[c] = 0;
    }
    if (any) tree_.add(chunk, std::move(spreads), merge_spreads);
  }

  void merge(Statistic&& other) override {
    auto& right = dynamic_cast<Moments&>(other);
    tree_.absorb(std::move(right.tree_), merge_spreads);
    for (int64_t c = 0; c < channels_; ++c) {
      minimum_[c] = std::min(minimum_[c], right.minimum_[c]);
      maximum_[c] = std::max(maximum_[c], right.maximum_[c]);
      summaries_[c].count += right.summaries_[c].count;
      summaries_[c].nan_count += right.summaries_[c].nan_count;
      summaries_[c].infinity_count += right.summaries_[c].infinity_count;
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
    save_values(frame, tensor, node, mean_quantity, layer, &Summary::mean);
    save_values(frame, tensor, node, std_quantity, layer, &Summary::std);
  }

 private:
  /// A chunk's sums are of x - shift, the shift being its first value: as it is one of the values,
  /// sum^2 / count is at most count times the deviations, and few digits cancel.
  void begin_channels(const Tile& tile) {
    int64_t* const rows = rows_.data() + tile.first_channel;
    bool any_new = false;
    for (int64_t c = 0; c < tile.channels; ++c) any_new |= rows[c] == 0;
    for (int64_t c = 0; any_new && c < tile.channels; ++c) {
      if (rows[c] != 0) continue;
      shift_[tile.first_channel + c] = tile.values[c];
      sum_[tile.first_channel + c] = square_[tile.first_channel + c] = 0;
    }
    for (int64_t c = 0; c < tile.channels; ++c) rows[c] += tile.rows;
  }

  void count_not_finite(const Tile& tile) {
    for (int64_t c = 0; c < tile.channels; ++c) {
      if (std::isfinite(sum_[tile.first_channel + c])) continue;
      Summary& summary = summaries_[tile.first_channel + c];
      for (int64_t row = 0; row < tile.rows; ++row) {
        const float x = tile.values[row * tile.row_stride + c];
        summary.nan_count += std::isnan(x);
        summary.infinity_count += std::isinf(x);
      }
    }
  }

  static void merge_spreads(std::vector<Spread>& left, std::vector<Spread>&& right) {
    for (size_t c = 0; c < left.size(); ++c) left[c].merge(right[c]);
  }

  void finish_channels() {
    const bool any = !tree_.empty();
    const auto spreads = any ? tree_.finish(merge_spreads) : std::vector<Spread>(summaries_.size());
    for (int64_t c = 0; c < channels_; ++c) {
      summaries_[c].spread = spreads[c];
      summaries_[c].minimum = minimum_[c];
      summaries_[c].maximum = maximum_[c];
    }
  }

  /// Derived from the channels', in two passes: exact in the mean first, then in the deviations.
  Summary layer_summary() const {
    Summary layer;
    double sum = 0;
    for (const Summary& channel : summaries_) {
      layer.count += channel.count;
      layer.nan_count += channel.nan_count;
      layer.infinity_count += channel.infinity_count;
      layer.minimum = std::min(layer.minimum, channel.minimum);
      layer.maximum = std::max(layer.maximum, channel.maximum);
      layer.spread.count += channel.spread.count;
      sum += channel.spread.count * channel.spread.mean;
    }
    layer.spread.mean = sum / layer.spread.count;
    for (const Summary& channel : summaries_) {
      const double difference = channel.spread.mean - layer.spread.mean;
      layer.spread.deviations +=
          channel.spread.deviations + channel.spread.count * difference * difference;
    }
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
  Tensor<int64_t> rows_;                 // of the open chunk, by channel; 0: nothing yet
  Tensor<double> shift_, sum_, square_;  // of the open chunk
  Tensor<float> minimum_, maximum_;      // of everything
  std::vector<Summary> summaries_;       // counts of everything; the rest is filled by save
  ChunkTree<std::vector<Spread>> tree_;
};

const Registered<StatisticKind> moments{
    "moments", "count, min, max, mean, std, and how many values are NaN or infinite",
    [](const Options& options) {
      options.finish();
      return statistic_kind<Moments>();
    }};

}  // namespace
}  // namespace quantdyn
