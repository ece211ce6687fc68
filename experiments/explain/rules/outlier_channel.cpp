// Outlier channels: a few living channels set the range that all others must share.
#include "experiments/explain/weight_ranges.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  if (!WeightRanges::are_shared(layer)) return {};
  const WeightRanges ranges(layer, input.thresholds.of("dead_variance"));
  const double widening = ranges.of_living() / ranges.of_others();
  const double threshold = input.thresholds.of("outlier");
  if (ranges.widest().empty() || !(ranges.of_others() > 0) || !(widening >= threshold)) return {};
  const bool is_one = ranges.widest().size() == 1;
  Finding out{"outlier channel", widening, threshold, "", ranges.widest()};
  out.sentence = fmt::format(
      "channel{} {} {} the range of the weights to {:.3g}; without {}, {:.3g} would be enough for "
      "the {} other {}channels. {:.0f} % of the range serves only {} of {} channels.",
      is_one ? "" : "s", list_text(ranges.widest()), is_one ? "stretches" : "stretch",
      ranges.of_living(), is_one ? "it" : "them", ranges.of_others(),
      layer.channels - static_cast<int64_t>(ranges.widest().size() + ranges.dead().size()),
      ranges.dead().empty() ? "" : "living ", 100 * (1 - 1 / widening), ranges.widest().size(),
      layer.channels);
  if (layer.weight.scheme.find("granularity") == std::string::npos) return {out};
  out.remedy = per_channel_remedy(layer);
  out.removes = ranges.removed_by_own_ranges();
  return {out};
}

}  // namespace

Rule outlier_channel_rule() {
  return {"outlier channel",
          "outlier",
          "range of the living channels / range without the widest 1 % of them, at least one",
          {"folded_weight/min", "folded_weight/max", "weight/local_qmse", "output/local_qmse"},
          find};
}

}  // namespace quantdyn
