// json_of(): an explanation for programs.
#include <nlohmann/json.hpp>

#include "experiments/explain/page.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Explanation& e, const Measured& measured) {
  return {{"logits_sqnr", measured.logits_sqnr},
          {"gain_db", measured.logits_sqnr - e.unrepaired->logits_sqnr},
          {"accuracy", measured.accuracy}};
}

std::string name_of(Remedy::Kind kind) {
  switch (kind) {
    case Remedy::Kind::weight_scheme:
      return "weight_scheme";
    case Remedy::Kind::output_scheme:
      return "output_scheme";
    case Remedy::Kind::bit_width:
      return "bit_width";
    case Remedy::Kind::dead_channels:
      return "dead_channels";
    case Remedy::Kind::bias:
      return "bias";
  }
  return "";
}

Json json_of(const Explanation& e, const Cause& cause) {
  const Finding& finding = cause.finding;
  Json out = {{"rule", finding.rule},           {"statistic", finding.statistic},
              {"threshold", finding.threshold}, {"sentence", finding.sentence},
              {"channels", finding.channels},   {"remedy", nullptr},
              {"removes", finding.removes},     {"predicted_gain_db", cause.gain}};
  if (finding.remedy)
    out["remedy"] = {{"kind", name_of(finding.remedy->kind)},
                     {"yaml", finding.remedy->yaml},
                     {"note", finding.remedy->note}};
  if (!cause.not_measured.empty()) out["not_measured"] = cause.not_measured;
  if (cause.measured) out["measured"] = json_of(e, *cause.measured);
  return out;
}

Json json_of(const Explanation& e, const LayerCost& cost) {
  const LayerFacts& layer = e.net.layers[cost.layer];
  Json causes = Json::array();
  for (const Cause& cause : cost.causes) causes.push_back(json_of(e, cause));
  return {{"name", layer.name},
          {"kind", layer.kind},
          {"cost", cost.cost},
          {"added_share", cost.added},
          {"sensitivity_share", cost.sensitivity},
          {"accumulated_sqnr", layer.value("output/accumulated_sqnr")},
          {"propagated_sqnr", layer.value("output/propagated_sqnr")},
          {"local_sqnr", layer.value("output/local_sqnr")},
          {"causes", causes}};
}

}  // namespace

std::string json_of(const Explanation& e) {
  Json thresholds = Json::object();
  for (const ThresholdRow& row : threshold_table())
    thresholds[row.name] = e.thresholds.of(row.name);
  Json layers = Json::array(), elsewhere = Json::array(), not_asked = Json::array();
  for (const LayerCost& layer : e.layers) layers.push_back(json_of(e, layer));
  for (const auto& [layer, finding] : e.elsewhere)
    elsewhere.push_back({{"layer", e.net.layers[layer].name},
                         {"rule", finding.rule},
                         {"statistic", finding.statistic},
                         {"channels", finding.channels}});
  for (const auto& [rule, missing] : e.not_asked)
    not_asked.push_back({{"rule", rule}, {"missing", missing}});
  Json out = {{"explain_schema", 1},
              {"file", e.net.file},
              {"experiment", e.net.experiment},
              {"variant", e.net.of_variant.variant},
              {"snapshot", e.net.of_variant.index},
              {"verdict",
               {{"kind", to_string(e.verdict.kind)},
                {"sentence", e.verdict.sentence},
                {"accuracy_float", e.net.float_value("accuracy")},
                {"accuracy", e.net.value("accuracy")},
                {"loss", e.verdict.loss},
                {"noise", e.verdict.noise},
                {"test_images", e.net.test_images},
                {"agreement", e.net.value("agreement")},
                {"logits_sqnr", e.net.value("logits_sqnr")}}},
              {"ranked_by", e.is_by_sensitivity ? "sensitivity" : "added error"},
              {"thresholds", thresholds},
              {"layers", layers},
              {"elsewhere", elsewhere},
              {"predicted_gain_of_all_db", e.gain_of_all()},
              {"not_asked", not_asked}};
  if (e.unrepaired)
    out["counterfactuals"] = {
        {"images", e.counterfactual_images},
        {"unrepaired", json_of(e, *e.unrepaired)},
        {"all_repaired", e.all_repaired ? json_of(e, *e.all_repaired) : Json(nullptr)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quantdyn
