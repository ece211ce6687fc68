// Dead channels: the norm saw no variance, so epsilon alone scales their folded weights.
#include <cmath>

#include "experiments/explain/weight_ranges.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  if (!WeightRanges::are_shared(layer)) return {};
  const WeightRanges ranges(layer, input.thresholds.of("dead_variance"));
  const double widening = ranges.whole() / ranges.of_living();
  const double threshold = input.thresholds.of("dead_widening");
  if (ranges.dead().empty() || !(ranges.of_living() > 0) || !(widening >= threshold)) return {};
  const bool is_one = ranges.dead().size() == 1;
  Finding out{"dead channels", widening, threshold, "", ranges.dead()};
  out.sentence = fmt::format(
      "{} of {} channels {} dead (channel{} {}): the running variance is under {:.2g}, so the "
      "norm's epsilon alone scales {} folded weights. They widen the range of all weights {:.3g} "
      "times, from {:.3g} to {:.3g}, and every other channel loses {:.1f} bits.",
      ranges.dead().size(), layer.channels, is_one ? "is" : "are", is_one ? "" : "s",
      list_text(ranges.dead()), ranges.dead_limit(), is_one ? "its" : "their", widening,
      ranges.of_living(), ranges.whole(), std::log2(widening));
  out.remedy = {
      Remedy::Kind::dead_channels, fmt::format("{:.3g}", ranges.dead_limit()),
      fmt::format("repairs: {{dead_channels: {{variance: {:.3g}}}}}", ranges.dead_limit())};
  out.removes = ranges.removed_without_dead();
  return {out};
}

}  // namespace

Rule dead_channels_rule() {
  return {"dead channels",
          "dead_widening",
          "range of all channels / range of those whose running variance is at least dead_variance "
          "times the norm's epsilon",
          {"float:batch_norm/running_std", "float:batch_norm/gamma_over_sigma", "folded_weight/max",
           "output/local_qmse"},
          find};
}

}  // namespace quantdyn
