// Accumulation: most of the error at a layer comes from earlier layers.
#include <cmath>

#include "experiments/explain/attribution.h"
#include "experiments/explain/rule.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  const double share =
      layer.value("output/propagated_qmse") / layer.value("output/accumulated_qmse");
  const double threshold = input.thresholds.of("upstream");
  if (!(share >= threshold)) return {};
  const std::vector<double> shares = error_flow(input.net, input.layer).added;
  size_t most = 0;
  for (size_t l = 0; l < input.layer; ++l)
    if (shares[l] > shares[most]) most = l;
  Finding out{"accumulation", share, threshold, ""};
  out.sentence = fmt::format(
      "{:.0f} % of the error at its output comes from earlier layers, the "
      "largest share from {} ({:.0f} %): repair that first.",
      100 * std::min(share, 1.0), input.net.layers[most].name, 100 * shares[most]);
  return {out};
}

}  // namespace

Rule upstream_rule() {
  return {"accumulation",
          "upstream",
          "propagated_qmse / accumulated_qmse of the output",
          {"output/propagated_qmse", "output/accumulated_qmse"},
          find};
}

}  // namespace quantdyn
