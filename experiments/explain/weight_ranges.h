// The range that a layer's weights share, and how single channels widen it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/explain/rule.h"

namespace quantdyn {

/// The channels of a folded weight that all have one range. Widths include zero, as a range of the
/// affine quantizer does: max(high, 0) - min(low, 0).
class WeightRanges {
 public:
  /// Whether the weight is quantized with one range for several channels, and its ends are known.
  static bool are_shared(const LayerFacts& layer);

  /// `dead_variance` is the threshold of that name.
  WeightRanges(const LayerFacts& layer, double dead_variance);

  const std::vector<int64_t>& dead() const { return dead_; }
  /// The running variance under which a channel is dead: dead_variance times the norm's epsilon.
  double dead_limit() const { return dead_limit_; }
  /// The channels that widen the living channels' range most, at most 1 % (at least one), widest
  /// first: each is the one without which the rest is narrowest.
  const std::vector<int64_t>& widest() const { return widest_; }

  double width(int64_t channel) const;
  double whole() const { return width_of(0); }
  /// Without the dead, and without the dead and the widest channels.
  double of_living() const { return width_of(1); }
  double of_others() const { return width_of(2); }
  /// Neither dead nor one of the widest.
  bool is_other(int64_t channel) const { return left_[channel] == 0; }

  /// Share of the layer's own squared error that goes if every channel's weight had its own range:
  /// its squared step (r_c / (2^b - 1))^2 / 12 instead of its measured error, where smaller.
  double removed_by_own_ranges() const;
  /// The same if the range shrank to that of the living channels, and the dead ones were constant.
  double removed_without_dead() const;

 private:
  double width_of(int level) const;
  void find_dead(double dead_variance);
  void find_widest();
  double removed(const std::vector<double>& remaining) const;

  const LayerFacts& layer_;
  const std::vector<double>&low_, &high_;
  std::vector<int> left_;  // by channel: 0 stays, 1 is one of the widest, 2 is dead
  std::vector<int64_t> dead_, widest_;
  double dead_limit_ = 0;
};

/// The share of the layer's own squared error that its weights cause: what local_qmse has beyond
/// the output quantizer's own error, at least 0, by channel.
std::vector<double> weight_errors(const LayerFacts& layer);

/// "3", "3 and 7", "3, 7, 9 and 4 others".
std::string list_text(const std::vector<int64_t>& channels);

/// The remedy of channels that do not fit one range.
Remedy per_channel_remedy(const LayerFacts& layer);

}  // namespace quantdyn
