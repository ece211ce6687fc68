// Clipping: values outside the range cost more than rounding inside it.
#include <algorithm>
#include <cmath>

#include "experiments/explain/rule.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// Share of the quantizer's error that is left with a range that clips nothing: rounding alone, at
/// the wider step.
double remaining(const LayerFacts& layer, const std::string& tensor, const SchemeFacts& scheme) {
  const std::string values = tensor == "weight" ? "folded_weight" : "output";
  const double whole =
      std::max(layer.value(values + "/max"), 0.0) - std::min(layer.value(values + "/min"), 0.0);
  const double growth = whole / scheme.range;
  const double left = layer.value(tensor + "/rounding_error") * growth * growth /
                      layer.value(tensor + "/quantizer_qmse");
  return std::isfinite(left) ? std::min(left, 1.0) : 1.0;
}

std::vector<Finding> find_in(const RuleInput& input, const std::string& tensor,
                             const SchemeFacts& scheme, double part) {
  const LayerFacts& layer = input.facts();
  const double clipped =
      layer.value(tensor + "/clipping_error") / layer.value(tensor + "/quantizer_qmse");
  const double threshold = input.thresholds.of("clipping");
  if (!scheme.is_quantized() || !(clipped >= threshold)) return {};
  Finding out{"clipping", clipped, threshold,
              fmt::format("{:.0f} % of the {}'s quantization error is clipping: values lie outside "
                          "its range.",
                          100 * clipped, tensor)};
  const bool is_minmax = scheme.scheme.find("minmax") != std::string::npos;
  const bool is_weight = tensor == "weight";
  if (is_minmax) {
    out.sentence += is_weight ? " The quantizer's levels do not reach that far."
                              : " Calibration did not see them; more calibration images would "
                                "widen the range.";
    return {out};
  }
  out.remedy = {is_weight ? Remedy::Kind::weight_scheme : Remedy::Kind::output_scheme,
                "estimator=minmax",
                fmt::format("overrides: [{{nodes: {}, {}: {{estimator: minmax}}}}]", layer.name,
                            is_weight ? "weights" : "activations")};
  out.removes = part * (1 - remaining(layer, tensor, scheme));
  return {out};
}

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  const double own = layer.value("output/quantizer_qmse") / layer.value("output/local_qmse");
  const double of_output = std::isfinite(own) ? std::clamp(own, 0.0, 1.0) : 0;
  std::vector<Finding> out = find_in(input, "weight", layer.weight, 1 - of_output);
  for (Finding& finding : find_in(input, "output", layer.output, of_output))
    out.push_back(std::move(finding));
  return out;
}

}  // namespace

Rule clipping_rule() {
  return {"clipping",
          "clipping",
          "clipping_error / quantizer_qmse, of the weight and of the output",
          {"output/local_qmse"},
          find};
}

}  // namespace quantdyn
