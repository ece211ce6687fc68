#include "quant/folding/linear_pairs.h"

#include "quant/schemes/selection.h"

namespace quantdyn {
namespace {

bool passes_scale(const Network& network, int unit) {
  const int leader = network.units()[unit].leader;
  return leader > 0 && network.layer(leader)->passes().scale && activation_node(network, unit) < 0;
}

/// The only unit that `unit` reads; -1 if it reads several.
int only_input(const Network& network, int unit) {
  const std::vector<int>& inputs = network.nodes()[network.units()[unit].leader].inputs;
  return inputs.size() == 1 ? network.nodes()[inputs[0]].unit : -1;
}

}  // namespace

int source_of(const Network& network, int unit) {
  for (int at = only_input(network, unit); at >= 0; at = only_input(network, at)) {
    if (network.readers(network.units()[at].last).size() != 1) return -1;
    if (!passes_scale(network, at)) return at;
  }
  return -1;
}

std::vector<LinearPair> linear_pairs(const Network& network) {
  std::vector<LinearPair> out;
  const std::vector<int> linear = units_with_weight(network);
  for (int first : linear)
    for (int second : linear)
      if (source_of(network, second) == first) out.push_back({first, second});
  return out;
}

Linear<float>& linear_of(Network& network, int unit) {
  return *network.layer(network.units()[unit].leader)->linear();
}

const Linear<float>& linear_of(const Network& network, int unit) {
  return *network.layer(network.units()[unit].leader)->linear();
}

WeightAxes weight_axes(const Network& network, int unit) {
  int input = network.nodes()[network.units()[unit].leader].inputs[0];
  while (input > 0 && network.layer(input)->passes().order)
    input = network.nodes()[input].inputs[0];
  return {linear_of(network, unit), network.nodes()[input].shape.channels()};
}

void add_to_bias(Linear<float>& linear, std::span<const double> values) {
  Tensor<float>& bias = linear.bias->master;
  if (bias.empty()) bias = Tensor<float>(Shape{linear.out_channels});
  for (int64_t k = 0; k < linear.out_channels; ++k)
    bias[k] = static_cast<float>(bias[k] + values[k]);
}

int activation_node(const Network& network, int unit) {
  const Unit& u = network.units()[unit];
  const bool is_one = u.leader > 0 && network.layer(u.leader)->activation();
  return is_one ? u.leader : u.activation;
}

std::optional<Activation> activation_of(const Network& network, int unit) {
  const int node = activation_node(network, unit);
  return node < 0 ? std::nullopt : network.layer(node)->activation();
}

Ends channel_ends_of(const Network& network, int unit, int64_t channel) {
  const int node = activation_node(network, unit);
  if (node < 0) return {-Activation::infinity, Activation::infinity};
  const ChannelEnds<float>* const ends = network.layer(node)->channel_ends();
  if (ends == nullptr) return network.layer(node)->activation()->values;
  return {ends->low->read()[channel], ends->high->read()[channel]};
}

std::string node_text(const Network& network, int node) {
  return fmt::format("'{}' ({})", network.nodes()[node].name, network.nodes()[node].kind);
}

}  // namespace quantdyn
