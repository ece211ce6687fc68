#include "experiments/commands/compare_results.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "experiments/commands/given_result.h"
#include "experiments/commands/inspect_layer.h"
#include "experiments/results/config_difference.h"
#include "experiments/results/layer_metrics.h"
#include "experiments/results/result_equality.h"
#include "experiments/results/snapshot_choice.h"
#include "experiments/text/table.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr size_t most_config_lines = 25, most_differences = 10, most_of_a_metric = 3;

/// The names of the two results in sentences.
struct Labels {
  std::string a, b;
};

std::string experiment_of(const ResultReader& result) {
  const h5::Group provenance = result.file().group("provenance");
  return provenance.has_attribute("experiment") ? provenance.text("experiment") : "result";
}

Labels labels_of(const ResultReader& a, const ResultReader& b) {
  Labels out{experiment_of(a), experiment_of(b)};
  if (out.a != out.b) return out;
  const int64_t seed_a = a.file().integer("seed"), seed_b = b.file().integer("seed");
  if (seed_a == seed_b || a.is_merged() || b.is_merged()) return {"A", "B"};
  return {fmt::format("{}, seed {}", out.a, seed_a), fmt::format("{}, seed {}", out.b, seed_b)};
}

std::string head(const ResultReader& result, const char* letter) {
  return fmt::format("{}  {}: {}, seed {}, {} nodes, {} snapshots{}\n", letter,
                     result.file().path().string(), experiment_of(result), result.seeds(),
                     result.network().size(), result.snapshots().size(),
                     result.is_merged() ? ", merged" : "");
}

bool is_same_network(const ResultReader& a, const ResultReader& b) {
  const auto facts = [](const ResultReader& result) {
    std::vector<std::string> out = result.output_shapes();
    for (const NodeRow& node : result.network())
      out.push_back(fmt::format("{}|{}|{}|{}", node.name, node.kind, node.inputs, node.channels));
    return out;
  };
  return facts(a) == facts(b);
}

bool have_same_snapshots(const ResultReader& a, const ResultReader& b) {
  return std::ranges::equal(
      a.snapshots(), b.snapshots(), [](const SnapshotLabel& x, const SnapshotLabel& y) {
        return x.epoch == y.epoch && x.step == y.step && x.variant == y.variant;
      });
}

std::string config_text(const ResultReader& a, const ResultReader& b,
                        const std::vector<ConfigDifference>& differences) {
  if (differences.empty()) return "configs: the same except for name and output\n";
  Rows rows = {{"config key", "A", "B"}};
  const auto cut = [](const std::string& text) {
    return text.size() <= 40 ? text : text.substr(0, 37) + "...";
  };
  for (size_t i = 0; i < std::min(differences.size(), most_config_lines); ++i)
    rows.push_back({differences[i].key, cut(differences[i].a), cut(differences[i].b)});
  std::string out = "\n" + format_table(rows);
  if (differences.size() > most_config_lines)
    out += fmt::format("and {} more\n", differences.size() - most_config_lines);
  return out + (is_same_network(a, b) ? "" : "the networks differ; their nodes are paired below\n");
}

/// For results that should be equal.
std::string equality_text(const ResultReader& a, const ResultReader& b, bool is_same_config) {
  if (a.is_merged() || b.is_merged() || !is_same_network(a, b) || !have_same_snapshots(a, b) ||
      a.file().integer("seed") != b.file().integer("seed"))
    return "";
  const std::string difference = first_difference(a, b);
  return fmt::format("same network, snapshots and seed, {} config: {}\n",
                     is_same_config ? "same" : "different",
                     difference.empty() ? "all numbers are equal to the last bit except durations"
                                        : "the numbers differ: " + difference);
}

/// The variants in both, in the order of A.
std::vector<std::string> shared_variants(const ResultReader& a, const ResultReader& b) {
  std::vector<std::string> out;
  std::set<std::string> in_b, seen;
  for (const SnapshotLabel& s : b.snapshots()) in_b.insert(s.variant);
  for (const SnapshotLabel& s : a.snapshots())
    if (in_b.contains(s.variant) && seen.insert(s.variant).second) out.push_back(s.variant);
  return out;
}

std::string chosen_variant(const CompareRequest& request, const ResultReader& a,
                           const ResultReader& b, std::string& why) {
  if (request.variant) return *request.variant;
  const auto shared = shared_variants(a, b);
  if (shared.empty())
    throw_error<ConfigError>("{} and {} share no variant, not even {}", a.file().path().string(),
                             b.file().path().string(), float_variant);
  std::string out = shared.back();
  double most = std::nan("");
  for (const std::string& variant : shared) {
    const double apart = std::abs(network_value(a, a.last(variant), "accuracy") -
                                  network_value(b, b.last(variant), "accuracy"));
    if (variant == float_variant || std::isnan(apart) || apart <= most) continue;
    most = apart;
    out = variant;
  }
  if (out != float_variant)
    why = std::isnan(most) ? ", the last one of both" : ", whose accuracies differ most";
  return out;
}

std::string signed_number(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:+.4g}", value);
}

std::string accuracies(const ResultReader& a, const ResultReader& b) {
  Rows rows = {{"variant", "accuracy\nA", "\nB", "\nB - A"}};
  for (const std::string& variant : shared_variants(a, b)) {
    const double of_a = network_value(a, a.last(variant), "accuracy"),
                 of_b = network_value(b, b.last(variant), "accuracy");
    rows.push_back({variant, number_text(of_a, 4), number_text(of_b, 4),
                    std::isnan(of_b - of_a) ? "-" : fmt::format("{:+.4f}", of_b - of_a)});
  }
  return rows.size() > 1 ? "\n" + format_table(rows) : "";
}

std::string networkwise(const ComparedResults& results) {
  Rows rows = {{"metric", "A", "B", "B - A", "unit"}};
  for (const std::string& path : results.a.arrays("networkwise")) {
    if (!results.b.file().has(path) || !results.a.axes(path).empty()) continue;
    const double of_a = results.a.row(path, results.of_a).at(0),
                 of_b = results.b.row(path, results.of_b).at(0);
    if (std::isnan(of_a) && std::isnan(of_b)) continue;
    rows.push_back({path.substr(path.rfind('/') + 1), short_number(of_a), short_number(of_b),
                    signed_number(of_b - of_a), results.a.file().dataset(path).text("units")});
  }
  return rows.size() > 1 ? "\nnetworkwise\n" + format_table(rows) : "";
}

/// The names of a pair's nodes.
struct PairNames {
  std::string a, b;
  std::string text() const { return a == b ? a : a + " | " + b; }
};

class NodeNames {
 public:
  explicit NodeNames(const ComparedResults& results)
      : a_(results.a.network()), b_(results.b.network()) {}
  PairNames of(const NodePair& pair) const {
    return {pair.a < 0 ? "-" : a_[static_cast<size_t>(pair.a)].name,
            pair.b < 0 ? "-" : b_[static_cast<size_t>(pair.b)].name};
  }

 private:
  std::vector<NodeRow> a_, b_;
};

double value_at(const std::vector<double>& values, int64_t place) {
  return place < 0 ? std::nan("") : values[static_cast<size_t>(place)];
}

/// One table per tensor, with three columns per metric.
std::string layer_tables(const ComparedResults& results, const std::vector<LayerMetric>& metrics,
                         const NodeNames& names) {
  std::string out;
  std::vector<std::string> tensors;
  for (const LayerMetric& metric : metrics)
    if (std::ranges::find(tensors, metric.tensor) == tensors.end())
      tensors.push_back(metric.tensor);
  for (const std::string& tensor : tensors) {
    Rows rows = {{"A | B"}};
    for (const NodePair& pair : results.nodes) rows.push_back({names.of(pair).text()});
    for (const LayerMetric& metric : metrics) {
      if (metric.tensor != tensor) continue;
      rows[0].insert(rows[0].end(),
                     {column_title(metric.name, metric.units) + "\nA", "B", "B - A"});
      for (size_t i = 0; i < results.nodes.size(); ++i) {
        const double a = value_at(metric.a, results.nodes[i].a),
                     b = value_at(metric.b, results.nodes[i].b);
        rows[i + 1].insert(rows[i + 1].end(),
                           {short_number(a), short_number(b), signed_number(b - a)});
      }
    }
    out += fmt::format("\n{}\n{}", tensor, format_wide_table(rows, 110, 3));
  }
  return out;
}

/// "accumulated SQNR of the output".
std::string spoken(const LayerMetric& metric) {
  std::string name = metric.name, tensor = metric.tensor;
  for (std::string* text : {&name, &tensor}) std::ranges::replace(*text, '_', ' ');
  if (const size_t at = name.find("sqnr"); at != std::string::npos) name.replace(at, 4, "SQNR");
  return fmt::format("{} of the {}", name, tensor);
}

std::string with_units(double value, const LayerMetric& metric, bool is_difference = false) {
  const std::string number =
      is_difference ? fmt::format("{:+.3g}", value) : fmt::format("{:.3g}", value);
  return metric.units.empty() || metric.units == "1" ? number : number + " " + metric.units;
}

std::string differences_text(const ComparedResults& results,
                             const std::vector<LayerMetric>& metrics, const NodeNames& names,
                             const Labels& labels) {
  std::string out;
  std::map<size_t, size_t> told;
  size_t lines = 0;
  for (const LayerDifference& d : ranked_differences(metrics, results.nodes)) {
    if (lines == most_differences) break;
    if (++told[d.metric] > most_of_a_metric) continue;
    ++lines;
    const LayerMetric& metric = metrics[d.metric];
    const PairNames pair = names.of(d.nodes);
    out += fmt::format("  {:4.1f}  {}: {} in {} ({}) against {} in {} ({}): {}\n", d.spreads,
                       spoken(metric), with_units(value_at(metric.b, d.nodes.b), metric), pair.b,
                       labels.b, with_units(value_at(metric.a, d.nodes.a), metric), pair.a,
                       labels.a, with_units(d.difference, metric, true));
  }
  if (out.empty()) return "\ndiffers most: no pair of nodes differs\n";
  return "\ndiffers most (in units of the metric's standard deviation from layer to layer):\n" +
         out;
}

/// Metrics for which less is worse.
bool is_better_when_large(const LayerMetric& metric) {
  return metric.name.ends_with("_sqnr") || metric.name.ends_with("channel_precision") ||
         metric.name == "mean_effective_bits" || metric.name.ends_with("_accuracy");
}

/// The place of the smallest finite value among `places`; -1 if none is finite.
int64_t least_of(const std::vector<double>& values, const std::vector<int64_t>& places) {
  int64_t out = -1;
  for (int64_t place : places)
    if (std::isfinite(value_at(values, place)) &&
        (out < 0 || value_at(values, place) < value_at(values, out)))
      out = place;
  return out;
}

/// Nodes in only one net that do worse than all nodes of the other.
std::string unpaired_text(const ComparedResults& results, const std::vector<LayerMetric>& metrics,
                          const NodeNames& names, const Labels& labels) {
  std::string out;
  std::vector<int64_t> all_a, all_b, alone_a, alone_b;
  for (const auto& [a, b] : results.nodes) {
    if (a >= 0) all_a.push_back(a);
    if (b >= 0) all_b.push_back(b);
    if (b < 0) alone_a.push_back(a);
    if (a < 0) alone_b.push_back(b);
  }
  const auto tell = [&](const LayerMetric& metric, const std::vector<double>& own,
                        const std::vector<int64_t>& alone, const std::vector<double>& other,
                        const std::vector<int64_t>& all, bool is_b) {
    const int64_t worst = least_of(own, alone), least = least_of(other, all);
    if (worst < 0 || least < 0 || value_at(own, worst) >= value_at(other, least)) return;
    const auto name = [&](int64_t place, bool of_b) {
      const PairNames pair = names.of(of_b ? NodePair{-1, place} : NodePair{place, -1});
      return of_b ? pair.b : pair.a;
    };
    out += fmt::format("  {}: {} in {} ({}); the least of {} is {} in {}\n", spoken(metric),
                       with_units(value_at(own, worst), metric), name(worst, is_b),
                       is_b ? labels.b : labels.a, is_b ? labels.a : labels.b,
                       with_units(value_at(other, least), metric), name(least, !is_b));
  };
  for (const LayerMetric& metric : metrics) {
    if (!is_better_when_large(metric)) continue;
    tell(metric, metric.a, alone_a, metric.b, all_b, false);
    tell(metric, metric.b, alone_b, metric.a, all_a, true);
  }
  return out.empty()
             ? out
             : "\nnodes without a counterpart that do worse than every node of the other net:\n" +
                   out;
}

/// "conv2 to conv3 -4.1 dB", the three largest falls from one node to the next.
std::string falls(const std::vector<double>& values, const std::vector<NodeRow>& network) {
  struct Fall {
    std::string text;
    double change;
  };
  std::vector<Fall> all;
  size_t before = values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (before < values.size() && values[i] < values[before])
      all.push_back({fmt::format("{} to {} {:+.1f} dB", network[before].name, network[i].name,
                                 values[i] - values[before]),
                     values[i] - values[before]});
    before = i;
  }
  std::ranges::stable_sort(all, {}, &Fall::change);
  std::string out;
  for (size_t i = 0; i < std::min<size_t>(all.size(), 3); ++i) out += (i ? ", " : "") + all[i].text;
  return out.empty() ? "nowhere" : out;
}

std::string falls_text(const ComparedResults& results, const std::vector<LayerMetric>& metrics,
                       const Labels& labels) {
  for (const LayerMetric& metric : metrics)
    if (metric.tensor == "output" && metric.name == "accumulated_sqnr")
      return fmt::format("\naccumulated SQNR falls most, node by node:\n  {}: {}\n  {}: {}\n",
                         labels.a, falls(metric.a, results.a.network()), labels.b,
                         falls(metric.b, results.b.network()));
  return "";
}

void check_tensor(const ResultReader& result, const std::optional<std::string>& tensor) {
  if (!tensor) return;
  const auto there = tensors_of(result, "layerwise");
  if (std::ranges::find(there, *tensor) == there.end())
    throw_error<ConfigError>("{}: no tensor '{}'; there are: {}", result.file().path().string(),
                             *tensor, fmt::join(there, ", "));
}

}  // namespace

std::string compare_results(const CompareRequest& request) {
  const ResultReader a = given_result(request.a), b = given_result(request.b);
  check_tensor(a, request.tensor);
  check_tensor(b, request.tensor);
  const Labels labels = labels_of(a, b);
  const std::string ignored[] = {"name", "output"};
  const auto config = experiment_differences(a, b, ignored);
  std::string why;
  SnapshotChoice choice;
  choice.variant = chosen_variant(request, a, b, why);
  const ComparedResults results{.a = a,
                                .b = b,
                                .of_a = chosen_snapshot(a, choice),
                                .of_b = chosen_snapshot(b, choice),
                                .nodes = align_nodes(node_shapes(a), node_shapes(b))};
  const NodeNames names(results);
  const auto metrics = layer_metrics(results, request.tensor);

  std::string out = head(a, "A") + head(b, "B");
  out += config_text(a, b, config);
  out += equality_text(a, b, config.empty());
  out += accuracies(a, b);
  out += fmt::format("\nA: {}, B: {}{}; choose with --variant NAME\n", text_of(results.of_a),
                     text_of(results.of_b), why);
  out += networkwise(results);
  out += layer_tables(results, metrics, names);
  out += differences_text(results, metrics, names, labels);
  out += unpaired_text(results, metrics, names, labels);
  out += falls_text(results, metrics, labels);
  return out;
}

}  // namespace quantdyn
