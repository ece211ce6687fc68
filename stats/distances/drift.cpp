#include "stats/distances/drift.h"

#include <cmath>
#include <limits>
#include <optional>

#include "framework/base/error.h"
#include "stats/distances/binned_frame.h"

namespace quantdyn {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

std::string words_of(const std::string& since) {
  return since == "start" ? "the first snapshot" : "the previous float snapshot";
}

/// Sums over pairs of weights.
struct Sums {
  double difference = 0, now = 0, before = 0, product = 0;  // of squares, and of w w0

  void add(double w, double w0) {
    difference += (w - w0) * (w - w0);
    now += w * w;
    before += w0 * w0;
    product += w * w0;
  }
  void add(const Sums& other) {
    difference += other.difference;
    now += other.now;
    before += other.before;
    product += other.product;
  }
  double relative() const { return std::sqrt(difference / before); }
  // The root of the product: sqrt(s s) is s to the last bit.
  double cosine() const { return product / std::sqrt(now * before); }
};

}  // namespace

WeightDrift weight_drift(std::span<const float> now, std::span<const float> before,
                         int64_t channels) {
  if (channels < 1 || now.size() != before.size() ||
      static_cast<int64_t>(now.size()) % channels != 0)
    throw_error("weight drift: {} weights beside {}, in {} channels", now.size(), before.size(),
                channels);
  std::vector<Sums> sums(static_cast<size_t>(channels));
  for (size_t row = 0; row < now.size(); row += sums.size())
    for (size_t c = 0; c < sums.size(); ++c) sums[c].add(now[row + c], before[row + c]);
  WeightDrift out;
  Sums layer;
  for (const Sums& channel : sums) {
    out.relative.push_back(channel.relative());
    out.cosine.push_back(channel.cosine());
    layer.add(channel);
  }
  out.layer_relative = layer.relative();
  out.layer_cosine = layer.cosine();
  return out;
}

WeightDrift no_weight_drift(int64_t channels) {
  const std::vector<double> none(static_cast<size_t>(channels), missing);
  return {none, none, missing, missing};
}

void save_weight_drift(const WeightDrift& drift, const std::string& since, Frame& frame,
                       int64_t node) {
  const std::string before = words_of(since);
  const Quantity relative{
      .name = "drift_from_" + since,
      .units = "1",
      .long_name = "relative L2 distance of the weights from those of " + before,
      .formula = "||w - w0|| / ||w0||, w0 of " + before};
  const Quantity cosine{.name = "cosine_from_" + since,
                        .units = "1",
                        .long_name = "cosine between the weights and those of " + before,
                        .formula = "w . w0 / (||w|| ||w0||), w0 of " + before};
  frame.channel("weight", relative, node, std::span<const double>(drift.relative));
  frame.channel("weight", cosine, node, std::span<const double>(drift.cosine));
  frame.layer("weight", relative, node, drift.layer_relative);
  frame.layer("weight", cosine, node, drift.layer_cosine);
}

KeptDistribution keep_distribution(const Frame& frame, const std::string& tensor, int64_t node) {
  const auto counts = frame.layer_values<uint64_t>(tensor, "histogram", node);
  const auto minimum = frame.layer_values<double>(tensor, "min", node);
  const auto maximum = frame.layer_values<double>(tensor, "max", node);
  return {{counts.begin(), counts.end()},
          minimum.empty() ? missing : minimum[0],
          maximum.empty() ? missing : maximum[0]};
}

void save_distribution_drift(const KeptDistribution* before, const std::string& since, Frame& frame,
                             const std::string& tensor, int64_t node) {
  const std::optional<BinnedDistribution> now = layer_distribution(frame, tensor, node);
  if (!now) return;
  double js = missing, wasserstein = missing;
  if (before != nullptr && !before->counts.empty()) {
    const BinnedDistribution then(frame_bin_edges(), before->counts, before->minimum,
                                  before->maximum);
    js = js_divergence(now->counts(), then.counts());
    wasserstein = wasserstein_distance(*now, then);
  }
  const std::string words = "between the layer's values and those of " + words_of(since);
  frame.layer(
      tensor,
      {.name = "js_from_" + since,
       .units = "bit",
       .long_name = "Jensen-Shannon divergence " + words,
       .formula =
           "KL(p||m)/2 + KL(q||m)/2, m = (p + q)/2, log2, on the bins (Lin 1991, section IV)"},
      node, js);
  frame.layer(tensor,
              {.name = "wasserstein_from_" + since,
               .units = "1",
               .long_name = "1-Wasserstein distance " + words,
               .formula = "integral |F(x) - G(x)| dx, mass uniform within a bin (Vallender 1974)"},
              node, wasserstein);
}

}  // namespace quantdyn
