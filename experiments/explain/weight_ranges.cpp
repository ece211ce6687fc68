#include "experiments/explain/weight_ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

double sum_of(const std::vector<double>& values) {
  double out = 0;
  for (double v : values) out += v;
  return out;
}

}  // namespace

bool WeightRanges::are_shared(const LayerFacts& layer) {
  return layer.weight.is_quantized() && layer.weight.entries == 1 && layer.channels > 1 &&
         !layer.channel("folded_weight/min").empty() && !layer.channel("folded_weight/max").empty();
}

WeightRanges::WeightRanges(const LayerFacts& layer, double dead_variance)
    : layer_(layer),
      low_(layer.channel("folded_weight/min")),
      high_(layer.channel("folded_weight/max")),
      left_(low_.size(), 0) {
  find_dead(dead_variance);
  find_widest();
}

/// The norm's epsilon follows from gamma_over_sigma = gamma / sqrt(variance + epsilon); the median
/// over the channels, because the file has float32.
void WeightRanges::find_dead(double dead_variance) {
  const std::vector<double>&gamma = layer_.channel("float:batch_norm/gamma"),
        &folded = layer_.channel("float:batch_norm/gamma_over_sigma"),
        &deviation = layer_.channel("float:batch_norm/running_std");
  if (gamma.size() != left_.size() || folded.size() != left_.size() ||
      deviation.size() != left_.size())
    return;
  double least = std::numeric_limits<double>::infinity(), epsilon = std::nan("");
  for (size_t c = 0; c < left_.size(); ++c) {  // the smallest variance loses no digits
    const double ratio = gamma[c] / folded[c];
    if (!(deviation[c] < least) || !std::isfinite(ratio)) continue;
    least = deviation[c];
    epsilon = ratio * ratio - least * least;
  }
  dead_limit_ = dead_variance * std::max(epsilon, 0.0);
  for (size_t c = 0; c < left_.size(); ++c)
    if (deviation[c] * deviation[c] < dead_limit_) {
      left_[c] = 2;
      dead_.push_back(static_cast<int64_t>(c));
    }
}

void WeightRanges::find_widest() {
  const auto most = std::max<int64_t>(1, layer_.channels / 100);
  for (int64_t k = 0; k < most; ++k) {
    int64_t best = -1;
    double least = std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < left_.size(); ++c) {
      if (left_[c] != 0) continue;
      left_[c] = 1;
      const double rest = of_others();
      left_[c] = 0;
      if (rest > 0 && rest < least) {
        least = rest;
        best = static_cast<int64_t>(c);
      }
    }
    if (best < 0) return;
    left_[static_cast<size_t>(best)] = 1;
    widest_.push_back(best);
  }
}

double WeightRanges::width(int64_t channel) const {
  const auto c = static_cast<size_t>(channel);
  return std::max(high_[c], 0.0) - std::min(low_[c], 0.0);
}

double WeightRanges::width_of(int level) const {
  double low = 0, high = 0;
  for (size_t c = 0; c < left_.size(); ++c) {
    if (left_[c] + level > 2) continue;
    low = std::min(low, low_[c]);
    high = std::max(high, high_[c]);
  }
  return high - low;
}

double WeightRanges::removed(const std::vector<double>& remaining) const {
  const std::vector<double> errors = weight_errors(layer_);
  const double own = sum_of(layer_.channel("output/local_qmse"));
  double gone = 0;
  for (size_t c = 0; c < errors.size() && c < remaining.size(); ++c)
    gone += errors[c] * (1 - remaining[c]);
  return own > 0 ? gone / own : 0;
}

double WeightRanges::removed_by_own_ranges() const {
  const std::vector<double>& measured = layer_.channel("weight/local_qmse");
  const double steps = std::pow(2.0, layer_.weight.bit_width) - 1;
  std::vector<double> remaining;
  for (size_t c = 0; c < left_.size(); ++c) {
    const double step = width(static_cast<int64_t>(c)) / steps;
    const double now = c < measured.size() ? measured[c] : std::nan("");
    remaining.push_back(now > 0 ? std::min(1.0, step * step / 12 / now) : 1.0);
  }
  return removed(remaining);
}

double WeightRanges::removed_without_dead() const {
  const double ratio = whole() > 0 ? of_living() / whole() : 1;
  std::vector<double> remaining;
  for (int left : left_) remaining.push_back(left == 2 ? 0 : ratio * ratio);
  return removed(remaining);
}

std::vector<double> weight_errors(const LayerFacts& layer) {
  std::vector<double> out = layer.channel("output/local_qmse");
  const std::vector<double>& quantizer = layer.channel("output/quantizer_qmse");
  for (size_t c = 0; c < out.size(); ++c) {
    const double own = c < quantizer.size() && std::isfinite(quantizer[c]) ? quantizer[c] : 0;
    out[c] = std::max(0.0, out[c] - own);
  }
  return out;
}

std::string list_text(const std::vector<int64_t>& channels) {
  constexpr size_t most = 4;
  std::string out;
  for (size_t i = 0; i < std::min(channels.size(), most); ++i) {
    const bool is_last = i + 1 == channels.size();
    out += (i == 0 ? "" : is_last ? " and " : ", ") + std::to_string(channels[i]);
  }
  const size_t others = channels.size() - std::min(channels.size(), most);
  if (others > 0) out += fmt::format(" and {} other{}", others, others == 1 ? "" : "s");
  return out;
}

Remedy per_channel_remedy(const LayerFacts& layer) {
  return {Remedy::Kind::weight_scheme, "quantizer.granularity=per_channel",
          fmt::format("overrides: [{{nodes: {}, weights: {{quantizer: {{granularity: "
                      "per_channel}}}}}}]",
                      layer.name),
          "with one range per tensor: repairs: {equalize: {}}, which gives relu6 ends by channel"};
}

}  // namespace quantdyn
