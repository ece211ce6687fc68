// Too few codes in use: the range is so wide that most values share a few codes.
#include <algorithm>
#include <cmath>

#include "experiments/explain/clipped_range.h"
#include "experiments/explain/rule.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// The entropy of the codes of values that are not zero: a relu's zeros need one code only.
double entropy_without_zeros(double entropy, double zeros) {
  if (!(zeros > 0)) return entropy;
  if (zeros >= 1) return std::nan("");
  const double choice = -zeros * std::log2(zeros) - (1 - zeros) * std::log2(1 - zeros);
  return std::max(0.0, (entropy - choice) / (1 - zeros));
}

std::vector<Finding> find_in(const RuleInput& input, const std::string& tensor,
                             const SchemeFacts& scheme, double entropy, double usable,
                             double part) {
  const LayerFacts& layer = input.facts();
  const double used = std::pow(2.0, entropy), share = used / usable;
  const double threshold = input.thresholds.of("codes");
  if (!scheme.is_quantized() || !(share <= threshold)) return {};
  const std::string histogram = tensor == "weight" ? "folded_weight/histogram" : "output/histogram";
  const double left = remaining_when_clipped(input.net, layer, histogram, scheme);
  // No cause where a narrower range is no remedy, or not known to be one.
  if (scheme.entries != 1 || !std::isfinite(left) || scheme.scheme.find("mse") != std::string::npos)
    return {};
  Finding out{"too few codes", share, threshold,
              fmt::format("the {}'s values use {:.1f} codes in effect (2^entropy), of {:.0f} that "
                          "they could use.",
                          tensor, used, usable)};
  const bool is_weight = tensor == "weight";
  out.remedy = {is_weight ? Remedy::Kind::weight_scheme : Remedy::Kind::output_scheme,
                "estimator=mse",
                fmt::format("overrides: [{{nodes: {}, {}: {{estimator: mse}}}}]", layer.name,
                            is_weight ? "weights" : "activations")};
  out.removes = part * (1 - left);
  return {out};
}

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  const double own = layer.value("output/quantizer_qmse") / layer.value("output/local_qmse");
  const double of_output = std::isfinite(own) ? std::clamp(own, 0.0, 1.0) : 0;
  const auto usable = [](const SchemeFacts& scheme, double values) {
    const double codes = std::pow(2.0, scheme.bit_width);
    return values > 0 ? std::min(codes, values) : codes;
  };
  std::vector<Finding> out =
      find_in(input, "weight", layer.weight, layer.value("weight/code_entropy"),
              usable(layer.weight, layer.value("folded_weight/count")), 1 - of_output);
  for (Finding& finding : find_in(input, "output", layer.output,
                                  entropy_without_zeros(layer.value("output/code_entropy"),
                                                        layer.value("float:output/zero_fraction")),
                                  usable(layer.output, 0), of_output))
    out.push_back(std::move(finding));
  return out;
}

}  // namespace

Rule few_codes_rule() {
  return {"too few codes",
          "codes",
          "2^entropy of the codes / min(2^b, values of the weight); of outputs without exact zeros",
          {"output/local_qmse", "output/code_entropy"},
          find};
}

}  // namespace quantdyn
