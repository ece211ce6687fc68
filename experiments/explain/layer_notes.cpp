#include "experiments/explain/layer_notes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/explain/explanation.h"
#include "experiments/text/table.h"

namespace quantdyn {
namespace {

using Bad = LayerNote::Bad;

/// The width of each layer's range; empty where the file has none.
std::vector<double> ranges(const ResultReader& result, const std::string& tensor,
                           const SnapshotLabel& snapshot) {
  std::vector<double> out = result.row("layerwise/" + tensor + "/max", snapshot);
  const std::vector<double> low = result.row("layerwise/" + tensor + "/min", snapshot);
  if (low.size() != out.size()) return {};
  std::ranges::transform(out, low, out.begin(), std::minus());
  return out;
}

}  // namespace

const std::vector<std::string>& layer_note_keys() {
  static const std::vector<std::string> keys = {
      "folded_weight_range", "output_range", "folded_weight_precision", "output_precision",
      "dead_channels",       "local_sqnr",   "accumulated_sqnr",        "error_share"};
  return keys;
}

std::vector<LayerNote> layer_notes(const ResultReader& result, const SnapshotLabel& snapshot) {
  std::vector<LayerNote> out;
  const auto add = [&](const std::string& key, const std::string& title, Bad bad,
                       std::vector<double> values) {
    if (std::ranges::any_of(values, [](double value) { return !std::isnan(value); }))
      out.push_back({key, title, bad, std::move(values)});
  };
  const SnapshotLabel& as_trained = float_beside(result, snapshot);
  const auto of_float = [&](const std::string& array) {
    return result.row("layerwise/" + array, as_trained);
  };
  add("folded_weight_range", "range of the weights, folded", Bad::neither,
      ranges(result, "folded_weight", as_trained));
  add("output_range", "range of the outputs", Bad::neither, ranges(result, "output", as_trained));
  add("folded_weight_precision", "average channel precision of the weights, folded", Bad::low,
      of_float("folded_weight/average_channel_precision"));
  add("output_precision", "average channel precision of the outputs", Bad::low,
      of_float("output/average_channel_precision"));
  add("dead_channels", "dead channels", Bad::high, of_float("output/dead_channels"));
  if (snapshot.variant == float_variant) return out;
  const auto of_variant = [&](const std::string& key, const std::string& title) {
    add(key, fmt::format("{}, {} (dB)", title, snapshot.variant), Bad::low,
        result.row("layerwise/output/" + key, snapshot));
  };
  of_variant("local_sqnr", "local SQNR");
  of_variant("accumulated_sqnr", "accumulated SQNR");
  if (out.empty() || out.back().key != "accumulated_sqnr") return out;  // no tracked errors
  const Explanation found = explain(facts_of(result, snapshot), Thresholds{}, 1);
  std::vector<double> shares(found.net.layers.size(), std::numeric_limits<double>::quiet_NaN());
  for (const LayerCost& layer : found.layers) shares[layer.layer] = layer.cost;
  add("error_share", fmt::format("share of the logits' error, {}", snapshot.variant), Bad::high,
      std::move(shares));
  return out;
}

std::map<std::string, std::string> layer_texts(const ResultReader& result,
                                               const SnapshotLabel& snapshot) {
  const std::vector<NodeRow> layers = result.network();
  std::map<std::string, std::string> out;
  for (const NodeRow& layer : layers) out[layer.name] = layer.kind;
  for (const LayerNote& note : layer_notes(result, snapshot))
    for (size_t i = 0; i < layers.size(); ++i)
      if (!std::isnan(note.values[i]))
        out[layers[i].name] += fmt::format("\n{}: {}", note.title, short_number(note.values[i]));
  return out;
}

const SnapshotLabel& described_snapshot(const ResultReader& result, const SnapshotLabel& snapshot) {
  const SnapshotLabel* worst = worst_variant(result);
  if (snapshot.variant != float_variant || worst == nullptr) return snapshot;
  for (const SnapshotLabel& other : result.snapshots())
    if (other.variant == worst->variant && other.step == snapshot.step) return other;
  return snapshot;
}

}  // namespace quantdyn
