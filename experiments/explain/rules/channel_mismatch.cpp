// Channel mismatch: most channels use a small part of the range that they share.
#include <cmath>

#include "experiments/explain/weight_ranges.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  if (!WeightRanges::are_shared(layer)) return {};
  const WeightRanges ranges(layer, input.thresholds.of("dead_variance"));
  const double shared = ranges.of_others(), steps = std::pow(2.0, layer.weight.bit_width) - 1;
  if (!(shared > 0)) return {};
  double bits = 0, precision = 0;
  int64_t count = 0;
  for (int64_t c = 0; c < layer.channels; ++c) {
    if (!ranges.is_other(c) || ranges.width(c) == 0) continue;
    precision += ranges.width(c) / shared;
    bits += std::log2(1 + ranges.width(c) / shared * steps);
    ++count;
  }
  if (count == 0) return {};
  const double lost = layer.weight.bit_width - bits / static_cast<double>(count);
  const double threshold = input.thresholds.of("mismatch");
  if (!(lost >= threshold)) return {};
  Finding out{"channel mismatch", lost, threshold, ""};
  out.sentence = fmt::format(
      "the average channel uses {:.0f} % of the range that all share, even without outliers: "
      "{:.1f} of {} bits are left to it.",
      100 * precision / static_cast<double>(count), bits / static_cast<double>(count),
      layer.weight.bit_width);
  if (layer.weight.scheme.find("granularity") == std::string::npos) return {out};
  out.remedy = per_channel_remedy(layer);
  out.removes = ranges.removed_by_own_ranges();
  return {out};
}

}  // namespace

Rule channel_mismatch_rule() {
  return {"channel mismatch",
          "mismatch",
          "b - mean_c log2(1 + p_c (2^b - 1)) over channels that are neither dead nor among the "
          "widest 1 %, p_c = r_c / R with R their common range",
          {"folded_weight/min", "folded_weight/max", "weight/local_qmse", "output/local_qmse"},
          find};
}

}  // namespace quantdyn
