// Consecutive linear units: what one does to its output channels the other can take back.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/graph/network.h"
#include "quant/folding/weight_axes.h"

namespace quantdyn {

/// The unit whose values `unit` reads, through units that keep channels apart and pass on their
/// scale (pools, flatten); -1 where `unit` reads several, or one of them is read by others too.
int source_of(const Network& network, int unit);

/// The second unit reads the first one alone, and nobody else reads the first.
struct LinearPair {
  int first, second;
};
/// All of them, in the order of the first.
std::vector<LinearPair> linear_pairs(const Network& network);

/// The role of the linear unit `unit`.
Linear<float>& linear_of(Network& network, int unit);
const Linear<float>& linear_of(const Network& network, int unit);
/// The axes of a linear unit's weight; input channels are those of the image before any flatten.
WeightAxes weight_axes(const Network& network, int unit);
/// Adds a value to each output channel's bias, which is made where there is none.
void add_to_bias(Linear<float>& linear, std::span<const double> values);
/// The node of the unit's activation: what stands after its leader, or is it; -1 where there is
/// none.
int activation_node(const Network& network, int unit);
/// Its role; empty where there is none.
std::optional<Activation> activation_of(const Network& network, int unit);
/// "'c1.activation' (relu6)": a node and its kind, for errors.
std::string node_text(const Network& network, int node);

}  // namespace quantdyn
