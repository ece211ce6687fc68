#include "experiments/commands/inspect_network.h"

#include "experiments/text/table.h"
#include "framework/graph/unit_cost.h"

namespace quantdyn {
namespace {

/// 72842 -> "72,842".
std::string grouped(int64_t value) {
  const std::string digits = std::to_string(value);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

}  // namespace

std::string network_table(const Network& network) {
  std::vector<std::vector<std::string>> rows{
      {"layer", "kind", "norm", "activation", "inputs", "output", "parameters", "MACs"}};
  for (int u = 0; u < static_cast<int>(network.units().size()); ++u) {
    const Unit& unit = network.units()[u];
    const UnitCost cost = cost_of(network, u);
    rows.push_back({unit.name, unit.kind, unit.norm >= 0 ? "yes" : "",
                    unit.activation >= 0 ? network.nodes()[unit.activation].kind : "",
                    inputs_of(network, u), network.nodes()[unit.last].shape.text(),
                    grouped(cost.parameters), grouped(cost.multiply_accumulates)});
  }
  return format_table(rows) + fmt::format("{} parameters, {} multiply-accumulates for an image\n",
                                          grouped(network.trained_count()),
                                          grouped(network.multiply_accumulates()));
}

}  // namespace quantdyn
