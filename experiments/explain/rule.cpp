#include "experiments/explain/rule.h"

namespace quantdyn {

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      dead_channels_rule(), outlier_channel_rule(), channel_mismatch_rule(), clipping_rule(),
      mean_shift_rule(),    few_codes_rule(),       rounding_rule(),         upstream_rule()};
  return all;
}

std::vector<std::string> missing_needs(const Rule& rule, const LayerFacts& layer) {
  std::vector<std::string> out;
  for (const std::string& need : rule.needs)
    if (!layer.has(need)) out.push_back(need);
  return out;
}

}  // namespace quantdyn
