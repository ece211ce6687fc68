// Consecutive linear units: a scale or shift in one can be undone in the other.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/graph/network.h"
#include "quant/folding/weight_axes.h"

namespace quantdyn {

/// The unit whose values `unit` reads, through units that keep channels separate and keep their
/// scale (pools, flatten); -1 if `unit` reads several, or if one of them has other readers.
int source_of(const Network& network, int unit);

/// The second unit reads only the first, and is its only reader.
struct LinearPair {
  int first, second;
};
/// All pairs, in the order of their first units.
std::vector<LinearPair> linear_pairs(const Network& network);

/// The role of the linear unit `unit`.
Linear<float>& linear_of(Network& network, int unit);
const Linear<float>& linear_of(const Network& network, int unit);
/// The axes of a linear unit's weight; input channels are those of the image before any flatten.
WeightAxes weight_axes(const Network& network, int unit);
/// Adds a value to each output channel's bias, which is made if absent.
void add_to_bias(Linear<float>& linear, std::span<const double> values);
/// The node of the unit's activation: the one after its leader, or the leader itself; -1 if the
/// unit has none.
int activation_node(const Network& network, int unit);
/// Its role; empty if the unit has none.
std::optional<Activation> activation_of(const Network& network, int unit);
/// The ends of a channel's values after the unit's activation; infinite without one.
Ends channel_ends_of(const Network& network, int unit, int64_t channel);
/// "'c1.activation' (relu6)": a node and its kind, for errors.
std::string node_text(const Network& network, int node);

}  // namespace quantdyn
