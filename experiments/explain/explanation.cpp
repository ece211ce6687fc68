#include "experiments/explain/explanation.h"

#include <algorithm>
#include <cmath>

#include "experiments/explain/attribution.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// Share of the logits' squared error that goes if the layer's tensors are left in float, as the
/// sensitivity table measured it; NaN without one.
double sensitivity_of(const NetFacts& net, const LayerFacts& layer) {
  const double all = net.value("sensitivity_all_logits_qmse");
  double out = 0;
  bool is_known = false;
  for (const char* tensor : {"weight", "output"}) {
    const double left = layer.value(std::string(tensor) + "/sensitivity_all_but_logits_qmse");
    if (!std::isfinite(left)) continue;
    out += 1 - left / all;
    is_known = true;
  }
  return is_known ? out : std::nan("");
}

double gain_of(const Finding& finding, const LayerCost& cost) {
  if (!finding.remedy) return std::nan("");
  return predicted_gain(std::isnan(finding.removes_of_all) ? cost.cost * finding.removes
                                                           : cost.through * finding.removes_of_all);
}

std::vector<Cause> causes_of(const Explanation& explanation, const LayerCost& cost) {
  const RuleInput input{explanation.net, cost.layer, explanation.thresholds};
  std::vector<Cause> out;
  const auto ask = [&](const Rule& rule) {
    if (!missing_needs(rule, input.facts()).empty()) return;
    for (Finding& finding : rule.find(input)) {
      const double gain = gain_of(finding, cost);
      if (finding.remedy && !(gain >= explanation.thresholds.of("gain"))) continue;
      out.push_back({std::move(finding), gain});
    }
  };
  for (const Rule& rule : rules())
    if (!rule.is_last_resort) ask(rule);
  double most = 0;
  for (const Cause& cause : out) most = std::max(most, cause.finding.removes);
  for (const Rule& rule : rules())
    if (rule.is_last_resort && most < 0.5) ask(rule);
  return out;
}

/// Findings about channels in the layers that have no causes.
void find_elsewhere(Explanation& out) {
  for (size_t l = 0; l < out.net.layers.size(); ++l) {
    const auto cost = std::ranges::find(out.layers, l, &LayerCost::layer);
    if (!cost->causes.empty()) continue;
    for (const Rule& rule : rules())
      if (missing_needs(rule, out.net.layers[l]).empty())
        for (Finding& finding : rule.find({out.net, l, out.thresholds}))
          if (!finding.channels.empty()) out.elsewhere.emplace_back(l, std::move(finding));
  }
}

/// Rules that need a quantity that no layer has.
void find_not_asked(Explanation& out) {
  for (const Rule& rule : rules()) {
    std::vector<std::string> missing;
    for (const std::string& need : rule.needs)
      if (std::ranges::none_of(out.net.layers, [&](const LayerFacts& l) { return l.has(need); }))
        missing.push_back(need);
    if (!missing.empty()) out.not_asked.emplace_back(rule.name, missing);
  }
}

}  // namespace

const Cause* best_cause(const LayerCost& layer) {
  const Cause* out = nullptr;
  for (const Cause& cause : layer.causes)
    if (cause.finding.remedy && (out == nullptr || cause.gain > out->gain)) out = &cause;
  return out;
}

double Explanation::gain_of_all() const {
  double removed = 0;
  for (const LayerCost& layer : layers) {
    if (const Cause* const best = best_cause(layer)) removed += layer.cost * best->finding.removes;
  }
  return predicted_gain(removed);
}

Explanation explain(NetFacts net, const Thresholds& thresholds, int64_t worst) {
  Explanation out{.net = std::move(net),
                  .thresholds = thresholds,
                  .verdict = {},
                  .layers = {},
                  .elsewhere = {},
                  .not_asked = {},
                  .unrepaired = {},
                  .all_repaired = {}};
  out.verdict = verdict_of(out.net, thresholds);
  find_not_asked(out);
  const auto [shares, through] = error_flow(out.net, out.net.layers.size() - 1);
  if (out.verdict.kind == Verdict::Kind::diverged ||
      !std::ranges::all_of(shares, [](double s) { return std::isfinite(s); }))
    return out;
  for (size_t l = 0; l < shares.size(); ++l) {
    const double sensitivity = sensitivity_of(out.net, out.net.layers[l]);
    out.is_by_sensitivity = out.is_by_sensitivity || !std::isnan(sensitivity);
    out.layers.push_back({l, shares[l], through[l], sensitivity, 0});
  }
  for (LayerCost& layer : out.layers)
    layer.cost = out.is_by_sensitivity ? (std::isnan(layer.sensitivity) ? 0 : layer.sensitivity)
                                       : layer.added;
  std::ranges::stable_sort(out.layers, std::greater(), &LayerCost::cost);
  for (size_t i = 0; i < out.layers.size() && static_cast<int64_t>(i) < worst; ++i)
    if (out.layers[i].cost >= thresholds.of("share"))
      out.layers[i].causes = causes_of(out, out.layers[i]);
  find_elsewhere(out);
  return out;
}

}  // namespace quantdyn
