#include "experiments/explain/attribution.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {

ErrorFlow error_flow(const NetFacts& net, size_t target) {
  std::vector<double> reach(net.layers.size(), 0.0), out(net.layers.size(), 0.0);
  reach[target] = 1;
  for (size_t l = target + 1; l-- > 0;) {
    const LayerFacts& layer = net.layers[l];
    const double all = layer.value("output/accumulated_qmse");
    if (reach[l] == 0 || all == 0) continue;
    out[l] = reach[l] * layer.value("output/added_qmse") / all;
    const auto error_of = [&](int input) {
      const LayerFacts& before = net.layers[static_cast<size_t>(input)];
      return before.value("output/accumulated_qmse") * before.elements;
    };
    double sum = 0;
    for (int input : layer.inputs) sum += error_of(input);
    const double passed = reach[l] * layer.value("output/propagated_qmse") / all;
    for (int input : layer.inputs)
      if (sum != 0) reach[static_cast<size_t>(input)] += passed * error_of(input) / sum;
  }
  return {out, reach};
}

double predicted_gain(double removed) {
  constexpr double most = 20;
  return removed >= 1 ? most : std::min(most, -10 * std::log10(1 - removed));
}

}  // namespace quantdyn
