#include "quant/variants/unit_schemes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "quant/schemes/selection.h"
#include "quant/variants/places.h"

namespace quantdyn {
namespace {

/// One entry of `overrides:`, or the width from `bit_widths:` for all units.
struct Override {
  Options entry;
  std::vector<int> units;
  std::optional<Options> weights, activations;  // with the keys `estimator` and `quantizer` only
  bool is_width = false;                        // changes what is quantized, switches nothing on
  bool changes_weights = false, changes_outputs = false;
};

/// A copy of a section's scheme; the section's other keys stay to be read.
Options scheme_of(const Options& section) { return section.derive({}, {"estimator", "quantizer"}); }

Override of_width(const Options& entry, std::vector<int> units, int64_t bit_width) {
  const Options width = entry.derive({{"quantizer", fmt::format("{{bit_width: {}}}", bit_width)}});
  return {entry, std::move(units), width, width, true};
}

Override read_override(const Options& entry, const Network& network) {
  const bool is_optional = entry.flag(
      "optional", false, "whether the net may have no such nodes, for one file and several nets");
  Override out{entry, select_units(entry, network, is_optional), {}, {}};
  const bool names_kinds = !entry.texts("kinds", std::vector<std::string>{}, "").empty();
  if (out.units.empty() && !(is_optional && names_kinds))
    entry.refuse("", "does not say which nodes it is for; expected `nodes`, `kinds` or both");
  const auto read = [&](const char* key, const char* help) -> std::optional<Options> {
    const std::optional<Options> section = entry.section_if(key, help);
    if (!section) return {};
    const Options scheme = scheme_of(*section);
    section->finish();
    return scheme;
  };
  out.weights = read("weights", "what differs for these nodes' weights");
  out.activations = read("activations", "what differs for these nodes' outputs");
  const bool has_width = entry.has("bit_width");
  const int64_t width = entry.integer("bit_width", 8, accept::between<int64_t>(2, 16),
                                      "bits of these nodes' quantizers, if nothing else differs");
  entry.finish();
  if (out.weights || out.activations)
    entry.leave_out("bit_width",
                    "is given with `weights` or `activations`; set it in their quantizer");
  if (has_width) return of_width(entry, out.units, width);
  if (!out.weights && !out.activations)
    entry.refuse("", "changes nothing; expected `weights`, `activations` or `bit_width`");
  return out;
}

/// Makes the schemes of one kind of tensor, one for each set of overrides that apply to a unit.
class SchemeMaker {
 public:
  using Part = std::optional<Options> Override::*;

  SchemeMaker(const Options& entry, std::optional<Options> own, std::vector<Override>& overrides,
              Part part, bool Override::*changes)
      : entry_(entry),
        own_(std::move(own)),
        overrides_(overrides),
        part_(part),
        changes_(changes) {}

  std::shared_ptr<const Scheme> make(const std::string& node, int unit, TensorKind kind) {
    std::vector<size_t> met;
    for (size_t i = 0; i < overrides_.size(); ++i)
      if (overrides_[i].*part_ && std::ranges::count(overrides_[i].units, unit) > 0 &&
          (own_ || !met.empty() || !overrides_[i].is_width)) {
        overrides_[i].*changes_ = true;
        met.push_back(i);
      }
    if (!own_ && met.empty()) return nullptr;
    const auto [found, is_new] = made_.try_emplace(std::pair(met, kind));
    if (is_new) found->second = read(node, met, kind);
    return found->second;
  }

 private:
  std::shared_ptr<const Scheme> read(const std::string& node, const std::vector<size_t>& met,
                                     TensorKind kind) const {
    Options section = entry_.derive({{"estimator", "minmax"}, {"quantizer", "affine"}});
    if (own_) section = section.under(*own_);
    for (size_t i : met) section = section.under(*(overrides_[i].*part_));
    auto scheme = read_scheme(section);
    if (!scheme) return nullptr;
    const auto check = [&](const char* key, const std::string& refusal) {
      if (!refusal.empty()) section.refuse(key, fmt::format("node '{}': {}", node, refusal));
    };
    check("estimator", scheme->estimator->refusal(kind));
    check("quantizer", scheme->quantizer->refusal(kind));
    return scheme;
  }

  const Options& entry_;
  std::optional<Options> own_;
  std::vector<Override>& overrides_;
  Part part_;
  bool Override::*changes_;
  std::map<std::pair<std::vector<size_t>, TensorKind>, std::shared_ptr<const Scheme>> made_;
};

std::vector<int> all_units(const Network& network) {
  std::vector<int> out;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) out.push_back(unit);
  return out;
}

/// The variant's own scheme; read once without overrides, so that its defaults are written.
std::optional<Options> own_scheme(const std::optional<Options>& section) {
  if (!section) return {};
  read_scheme(*section);
  return scheme_of(*section);
}

void check_overrides(const std::vector<Override>& overrides) {
  for (const Override& o : overrides) {
    if (o.units.empty()) continue;
    if (o.weights && o.activations && (o.changes_weights || o.changes_outputs)) continue;
    if (o.weights && !o.changes_weights)
      o.entry.refuse("weights", "none of these nodes has a weight that this variant quantizes");
    if (o.activations && !o.changes_outputs)
      o.entry.refuse("activations",
                     "none of these nodes has an output that this variant quantizes");
  }
}

}  // namespace

std::vector<UnitSchemes> read_unit_schemes(const Options& entry, const Network& network,
                                           std::optional<int64_t> bit_width) {
  const auto weights =
      entry.section_if("weights", "how weights are quantized; absent: they stay float32");
  const auto activations =
      entry.section_if("activations", "how activations are quantized; absent: they stay float32");
  PlaceChoice places = PlaceChoice::all();
  if (activations)
    places = PlaceChoice::read(activations->section("places", "where activations are quantized"));
  std::vector<Override> overrides;
  if (bit_width) overrides.push_back(of_width(entry, all_units(network), *bit_width));
  for (const Options& o :
       entry.list("overrides", "what differs for some nodes, by name, pattern, position or kind"))
    overrides.push_back(read_override(o, network));
  SchemeMaker of_weights(entry, own_scheme(weights), overrides, &Override::weights,
                         &Override::changes_weights);
  SchemeMaker of_outputs(entry, own_scheme(activations), overrides, &Override::activations,
                         &Override::changes_outputs);
  for (const auto& section : {weights, activations})
    if (section) section->finish();
  if (places.empty())
    activations->refuse("places",
                        "all are false; accepted: at least one place, or no `activations` at all");
  std::vector<UnitSchemes> out(network.units().size());
  for (int unit : units_with_weight(network))
    out[unit].weight = of_weights.make(network.units()[unit].name, unit, TensorKind::weight);
  for (int unit : all_units(network)) {
    if (!places.holds(network, unit)) continue;
    const bool is_last = network.units()[unit].last == network.last();
    out[unit].output = of_outputs.make(network.units()[unit].name, unit,
                                       is_last ? TensorKind::logits : TensorKind::activation);
  }
  check_overrides(overrides);
  return out;
}

}  // namespace quantdyn
