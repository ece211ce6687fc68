#include "experiments/commands/inspect_values.h"

#include <cmath>
#include <map>

#include "framework/graph/unit_cost.h"

namespace quantdyn {
namespace {

struct Columns {
  std::vector<std::string> variant, layer, kind, tensor, metric, units;
  std::vector<int64_t> snapshot, epoch, step;
  std::vector<double> value;
};

std::vector<SnapshotLabel> chosen(const ResultReader& result, const SnapshotChoice& choice) {
  if (choice.is_made()) return {chosen_snapshot(result, choice)};
  std::map<std::string, int64_t> last;
  for (const SnapshotLabel& snapshot : result.snapshots()) last[snapshot.variant] = snapshot.index;
  std::vector<SnapshotLabel> out;
  for (const SnapshotLabel& snapshot : result.snapshots())
    if (last[snapshot.variant] == snapshot.index) out.push_back(snapshot);
  return out;
}

/// Adds the values of "layerwise/output/mean" or "networkwise/accuracy".
void add_array(const ResultReader& result, const SnapshotLabel& snapshot, const std::string& path,
               const std::vector<NodeRow>& nodes, Columns& out) {
  const std::vector<double> values = result.row(path, snapshot);
  const h5::Dataset array = result.file().dataset(path);
  const size_t first = path.find('/') + 1, last = path.rfind('/') + 1;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    out.snapshot.push_back(snapshot.index);
    out.variant.push_back(snapshot.variant);
    out.epoch.push_back(snapshot.epoch);
    out.step.push_back(snapshot.step);
    out.layer.push_back(nodes.empty() ? "" : nodes[i].name);
    out.kind.push_back(nodes.empty() ? "" : nodes[i].kind);
    out.tensor.push_back(last > first ? path.substr(first, last - first - 1) : "");
    out.metric.push_back(path.substr(last));
    out.units.push_back(array.has_attribute("units") ? array.text("units") : "");
    out.value.push_back(values[i]);
  }
}

}  // namespace

FlatTable values_of(const ResultReader& result, const SnapshotChoice& choice) {
  Columns out;
  const std::vector<NodeRow> nodes = result.network();
  for (const SnapshotLabel& snapshot : chosen(result, choice)) {
    for (const std::string& path : result.arrays("networkwise"))
      if (result.axes(path).empty()) add_array(result, snapshot, path, {}, out);
    for (const std::string& path : result.arrays("layerwise"))
      if (result.axes(path) == std::vector<std::string>{"layer"})
        add_array(result, snapshot, path, nodes, out);
  }
  return {{"snapshot", "", out.snapshot}, {"variant", "", out.variant}, {"epoch", "", out.epoch},
          {"step", "", out.step},         {"layer", "", out.layer},     {"kind", "", out.kind},
          {"tensor", "", out.tensor},     {"metric", "", out.metric},   {"units", "", out.units},
          {"value", "", out.value}};
}

FlatTable units_of(const Network& network) {
  std::vector<std::string> layer, kind, activation, inputs, output;
  std::vector<int64_t> norm, parameters, products;
  for (int u = 0; u < static_cast<int>(network.units().size()); ++u) {
    const Unit& unit = network.units()[u];
    const UnitCost cost = cost_of(network, u);
    layer.push_back(unit.name);
    kind.push_back(unit.kind);
    norm.push_back(unit.norm >= 0);
    activation.push_back(unit.activation >= 0 ? network.nodes()[unit.activation].kind : "");
    inputs.push_back(inputs_of(network, u));
    output.push_back(network.nodes()[unit.last].shape.text());
    parameters.push_back(cost.parameters);
    products.push_back(cost.multiply_accumulates);
  }
  return {{"layer", "", layer},
          {"kind", "", kind},
          {"norm", "", norm},
          {"activation", "", activation},
          {"inputs", "", inputs},
          {"output", "", output},
          {"parameters", "", parameters},
          {"multiply_accumulates", "", products}};
}

}  // namespace quantdyn
