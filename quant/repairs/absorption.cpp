#include "quant/repairs/absorption.h"

#include <algorithm>
#include <cmath>

#include "quant/folding/linear_pairs.h"
#include "quant/repairs/clip_ends.h"

namespace quantdyn {
namespace {

const Quantity absorbed_quantity{
    .name = "absorbed",
    .units = "1",
    .long_name = "what left the channel's bias for the next layer's",
    .formula =
        "max(0, beta - k |gamma|) (Nagel et al. 2019, arXiv 1906.04721, "
        "eq. 16)"};

bool pads(const Network& network, int unit) {
  const Convolution* conv = network.layer(network.units()[unit].leader)->convolution();
  return conv && conv->has_padding();
}

/// Whether f(x + c) = f(x) + c for every x and c over 0.
bool keeps_positive(const std::optional<Activation>& activation) {
  return !activation ||
         (activation->identity.low <= 0 && activation->identity.high == Activation::infinity);
}

/// Whether the unit ends with a clip from 0 or below whose upper ends, by channel, can be lowered.
bool has_movable_ends(const Network& network, int unit, const Equalization* before) {
  const int node = activation_node(network, unit);
  if (node < 0) return false;
  const Layer<float>& layer = *network.layer(node);
  return (layer.channel_ends() || (before && before->scales_ends(network, unit))) &&
         layer.activation()->identity.low <= 0;
}

/// The first node between the layers that does not pass a constant on unchanged; -1 if none.
int first_obstacle(const Network& network, const LinearPair& pair, const Equalization* before) {
  int out = -1;
  for (int node = network.nodes()[network.units()[pair.second].leader].inputs[0];
       network.nodes()[node].unit != pair.first; node = network.nodes()[node].inputs[0])
    if (!network.layer(node)->passes().shift) out = node;
  const bool is_replaced = before && before->replaces_activation(network, pair.first);
  if (!is_replaced && !has_movable_ends(network, pair.first, before) &&
      !keeps_positive(activation_of(network, pair.first)))
    out = activation_node(network, pair.first);
  return out;
}

/// Limits c to the upper ends of the unit's clip, and lowers these by c.
void lower_ends(Network& network, int unit, std::vector<double>& c, Frame& report) {
  std::vector<double> low, high;
  for (size_t i = 0; i < c.size(); ++i) {
    const Ends ends = channel_ends_of(network, unit, static_cast<int64_t>(i));
    c[i] = std::min<double>(c[i], ends.high);
    low.push_back(ends.low);
    high.push_back(ends.high - c[i]);
  }
  set_clip_ends(network, unit, low, high, report);
}

/// b2 += W2 c.
void add_to_bias(Network& network, int unit, const std::vector<double>& c) {
  Linear<float>& linear = linear_of(network, unit);
  const WeightAxes axes = weight_axes(network, unit);
  std::vector<double> sums(static_cast<size_t>(linear.out_channels));
  for (int64_t i = 0; i < linear.weight->master.elements(); ++i)
    sums[axes.output_channel(i)] += linear.weight->master[i] * c[axes.input_channel(i)];
  add_to_bias(linear, sums);
}

}  // namespace

Absorption Absorption::read(const Options& section, const Network& network,
                            const Equalization* equalization) {
  Absorption out{};
  out.deviations =
      section.number("deviations", 3.0, accept::at_least(0.0),
                     "a channel hardly ever falls this many deviations below its mean");
  out.padded = section.choice<Padded>("padded", Padded::skip,
                                      {{"skip", Padded::skip}, {"absorb", Padded::absorb}},
                                      "pairs whose next layer pads with zeros: skip; or absorb, as "
                                      "the paper does, with wrong sums at the borders");
  section.finish();
  if (std::ranges::none_of(network.units(), [](const Unit& unit) { return unit.norm >= 0; }))
    section.refuse("",
                   "the net has no batch norm, so nothing is known of its channels' distribution");
  int obstacle = -1;
  for (const LinearPair& pair : linear_pairs(network)) {
    obstacle = first_obstacle(network, pair, equalization);
    if (obstacle < 0) return out;
  }
  section.refuse(
      "", obstacle < 0
              ? "the net has no two layers with weights in a row, without a branch between"
              : fmt::format("no two layers in a row pass constants on: between the last two is "
                            "{}; accepted: relu and other activations that keep values over 0, "
                            "flatten, and pools that do not count padding",
                            node_text(network, obstacle)));
}

void Absorption::apply(FoldedNetwork& net, Frame& report) const {
  Network& network = net.network;
  for (const LinearPair& pair : linear_pairs(network)) {
    FoldedNorm& norm = net.norms[pair.first];
    if (norm.beta.empty() || first_obstacle(network, pair, nullptr) >= 0) continue;
    if (padded == Padded::skip && pads(network, pair.second)) continue;
    std::vector<double> c;
    for (size_t i = 0; i < norm.beta.size(); ++i)
      c.push_back(std::max(0.0, norm.beta[i] - deviations * std::abs(norm.gamma[i])));
    if (has_movable_ends(network, pair.first, nullptr)) lower_ends(network, pair.first, c, report);
    std::vector<double> minus_c(c.size());
    for (size_t i = 0; i < c.size(); ++i) {
      minus_c[i] = -c[i];
      norm.beta[i] -= c[i];
    }
    add_to_bias(linear_of(network, pair.first), minus_c);
    add_to_bias(network, pair.second, c);
    report.channel("repairs", absorbed_quantity, pair.first, std::span<const double>(c));
  }
}

}  // namespace quantdyn
