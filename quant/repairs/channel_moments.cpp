#include "quant/repairs/channel_moments.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "quant/folding/linear_pairs.h"

namespace quantdyn {
namespace {

double density(double x) {
  return std::isinf(x) ? 0 : std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
double probability(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

/// Whether the unit's activation, if it has one, clips each channel.
bool only_clips(const Network& network, int unit) {
  const int node = activation_node(network, unit);
  return node < 0 || network.layer(node)->channel_ends() ||
         network.layer(node)->activation()->is_clip();
}

ChannelMoments after_activation(const Network& network, int unit, ChannelMoments moments) {
  if (activation_node(network, unit) < 0) return moments;
  if (!only_clips(network, unit)) return {};
  for (size_t c = 0; c < moments.mean.size(); ++c) {
    const ClippedNormal clipped =
        clipped_normal(moments.mean[c], std::sqrt(moments.variance[c]),
                       channel_ends_of(network, unit, static_cast<int64_t>(c)));
    moments.mean[c] = clipped.mean;
    moments.variance[c] = clipped.variance;
  }
  return moments;
}

/// The moments of the unit's result before its activation.
ChannelMoments before_activation(const FoldedNetwork& net, int index,
                                 const std::vector<ChannelMoments>& known) {
  const Unit& unit = net.network.units()[index];
  const auto& nodes = net.network.nodes();
  const Layer<float>& leader = *net.network.layer(unit.leader);
  std::vector<const ChannelMoments*> inputs;
  for (int input : nodes[unit.leader].inputs) inputs.push_back(&known[nodes[input].unit]);
  if (leader.linear()) {
    const FoldedNorm& norm = net.norms[index];
    ChannelMoments out{norm.beta, {}};
    for (double gamma : norm.gamma) out.variance.push_back(gamma * gamma);
    return out;
  }
  if (leader.passes().mean || leader.activation()) return *inputs[0];
  if (!leader.is_sum()) return {};
  ChannelMoments out = *inputs[0];
  for (const ChannelMoments* input : std::span(inputs).subspan(1)) {
    if (input->mean.empty() || out.mean.empty()) return {};
    for (size_t c = 0; c < out.mean.size(); ++c) {
      out.mean[c] += input->mean[c];
      out.variance[c] += input->variance[c];
    }
  }
  return out;
}

std::string unknown_output(const Network& network, int index) {
  const Unit& unit = network.units()[index];
  if (unit.leader == 0) return "";
  const int activation = activation_node(network, index);
  if (!only_clips(network, index))
    return node_text(network, activation) + " is not a clip such as relu and relu6";
  const Layer<float>& leader = *network.layer(unit.leader);
  if (leader.linear())
    return unit.norm >= 0 ? "" : node_text(network, unit.leader) + " has no batch norm";
  if (!leader.passes().mean && !leader.activation() && !leader.is_sum())
    return node_text(network, unit.leader) + " does not pass means on";
  for (int input : network.nodes()[unit.leader].inputs)
    if (std::string why = unknown_output(network, network.nodes()[input].unit); !why.empty())
      return why;
  return "";
}

}  // namespace

ClippedNormal clipped_normal(double mean, double deviation, const Ends& ends) {
  const double low = ends.low, high = ends.high;
  if (!(deviation > 0)) return {std::clamp(mean, low, high), 0};
  const double a = (low - mean) / deviation, b = (high - mean) / deviation;
  const double inside = probability(b) - probability(a);
  // For an end at infinity, all of these are 0 in the limit.
  const double at_low = std::isinf(low) ? 0 : low * probability(a);
  const double at_high = std::isinf(high) ? 0 : high * probability(-b);
  const double edge_low = std::isinf(a) ? 0 : a * density(a);
  const double edge_high = std::isinf(b) ? 0 : b * density(b);
  const double first = deviation * (density(a) - density(b)) + mean * inside + at_low + at_high;
  const double second = (mean * mean + deviation * deviation) * inside +
                        2 * mean * deviation * (density(a) - density(b)) +
                        deviation * deviation * (edge_low - edge_high) +
                        (std::isinf(low) ? 0 : low * at_low) +
                        (std::isinf(high) ? 0 : high * at_high);
  return {first, std::max(second - first * first, 0.0)};
}

std::vector<ChannelMoments> output_moments(const FoldedNetwork& net, const ChannelMoments& input) {
  std::vector<ChannelMoments> out{input};
  for (int unit = 1; unit < static_cast<int>(net.network.units().size()); ++unit)
    out.push_back(after_activation(net.network, unit, before_activation(net, unit, out)));
  return out;
}

std::string unknown_input_moments(const Network& network, int unit) {
  return unknown_output(
      network, network.nodes()[network.nodes()[network.units()[unit].leader].inputs[0]].unit);
}

}  // namespace quantdyn
