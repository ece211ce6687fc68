#include "framework/graph/unit_cost.h"

namespace quantdyn {

UnitCost cost_of(const Network& network, int unit) {
  UnitCost out{0, 0};
  for (const Node<float>& node : network.nodes()) {
    if (node.unit != unit || !node.layer) continue;
    out.multiply_accumulates += node.layer->multiply_accumulates();
    for (const Parameter<float>* parameter : node.layer->parameters())
      if (parameter->trained) out.parameters += parameter->master.elements();
  }
  return out;
}

std::string inputs_of(const Network& network, int unit) {
  std::string out;
  for (int input : network.nodes()[network.units()[unit].leader].inputs)
    out += (out.empty() ? "" : ", ") + network.units()[network.nodes()[input].unit].name;
  return out;
}

}  // namespace quantdyn
