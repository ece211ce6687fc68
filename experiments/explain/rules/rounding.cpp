// Too few bits: the layer alone is coarse, whatever its ranges are.
#include <algorithm>
#include <cmath>

#include "experiments/explain/rule.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

std::vector<Finding> find(const RuleInput& input) {
  const LayerFacts& layer = input.facts();
  const double sqnr = layer.value("output/local_sqnr");
  const double threshold = input.thresholds.of("rounding");
  const int bits = std::max(layer.weight.bit_width, layer.output.bit_width);
  if (bits == 0 || !(sqnr < threshold)) return {};
  Finding out{
      "too few bits", sqnr, threshold,
      fmt::format("with its inputs exact, {} bits give the layer a local SQNR of {:.1f} dB.", bits,
                  sqnr)};
  const auto has_width = [](const SchemeFacts& scheme) {
    return !scheme.is_quantized() || scheme.scheme.find("bit_width") != std::string::npos;
  };
  if (bits >= 16 || !has_width(layer.weight) || !has_width(layer.output)) return {out};
  const int wider = bits < 8 ? 8 : 16;
  const double ratio = (std::pow(2.0, bits) - 1) / (std::pow(2.0, wider) - 1);
  out.remedy = {Remedy::Kind::bit_width, std::to_string(wider),
                fmt::format("overrides: [{{nodes: {}, bit_width: {}}}]", layer.name, wider),
                layer.weight.is_quantized() ? "at the same bits: repairs: {adaround: {}}" : ""};
  out.removes = 1 - ratio * ratio;
  return {out};
}

}  // namespace

Rule rounding_rule() {
  return {"too few bits",        "rounding", "local SQNR of the output",
          {"output/local_sqnr"}, find,       true};
}

}  // namespace quantdyn
