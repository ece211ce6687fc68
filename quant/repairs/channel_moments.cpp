#include "quant/repairs/channel_moments.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "quant/folding/linear_pairs.h"

namespace quantdyn {
namespace {

double density(double x) {
  return std::isinf(x) ? 0 : std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
double probability(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

ChannelMoments after_activation(const std::string& activation, ChannelMoments moments) {
  if (activation == "none") return moments;
  const double high = activation == "relu6" ? 6 : std::numeric_limits<double>::infinity();
  for (size_t c = 0; c < moments.mean.size(); ++c) {
    const ClippedNormal clipped =
        clipped_normal(moments.mean[c], std::sqrt(moments.variance[c]), high);
    moments.mean[c] = clipped.mean;
    moments.variance[c] = clipped.variance;
  }
  return moments;
}

/// Of the unit's result before its activation.
ChannelMoments before_activation(const FoldedNetwork& net, int index,
                                 const std::vector<ChannelMoments>& known) {
  const Unit& unit = net.network.units()[index];
  const auto& nodes = net.network.nodes();
  std::vector<const ChannelMoments*> inputs;
  for (int input : nodes[unit.leader].inputs) inputs.push_back(&known[nodes[input].unit]);
  if (net.network.layer(unit.leader)->linear()) {
    const FoldedNorm& norm = net.norms[index];
    ChannelMoments out{norm.beta, {}};
    for (double gamma : norm.gamma) out.variance.push_back(gamma * gamma);
    return out;
  }
  if (unit.kind == "max_pool") return {};
  if (unit.kind != "add") return *inputs[0];
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

bool knows_output(const Network& network, int index) {
  const Unit& unit = network.units()[index];
  if (unit.leader == 0) return true;
  if (network.layer(unit.leader)->linear()) return unit.norm >= 0;
  if (unit.kind == "max_pool") return false;
  return std::ranges::all_of(network.nodes()[unit.leader].inputs, [&](int input) {
    return knows_output(network, network.nodes()[input].unit);
  });
}

}  // namespace

ClippedNormal clipped_normal(double mean, double deviation, double high) {
  if (!(deviation > 0)) return {std::clamp(mean, 0.0, high), 0};
  const double a = -mean / deviation, b = (high - mean) / deviation;
  const double inside = probability(b) - probability(a),
               above = std::isinf(b) ? 0 : probability(-b);
  const double at_high = std::isinf(high) ? 0 : high * above;
  const double first = deviation * (density(a) - density(b)) + mean * inside + at_high;
  const double edges = a * density(a) - (std::isinf(b) ? 0 : b * density(b));
  const double second = (mean * mean + deviation * deviation) * inside +
                        2 * mean * deviation * (density(a) - density(b)) +
                        deviation * deviation * edges + (std::isinf(high) ? 0 : high * at_high);
  return {first, std::max(second - first * first, 0.0)};
}

std::vector<ChannelMoments> output_moments(const FoldedNetwork& net, const ChannelMoments& input) {
  std::vector<ChannelMoments> out{input};
  for (int unit = 1; unit < static_cast<int>(net.network.units().size()); ++unit)
    out.push_back(
        after_activation(activation_of(net.network, unit), before_activation(net, unit, out)));
  return out;
}

bool knows_input_moments(const Network& network, int unit) {
  return knows_output(
      network, network.nodes()[network.nodes()[network.units()[unit].leader].inputs[0]].unit);
}

}  // namespace quantdyn
