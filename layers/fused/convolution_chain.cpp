#include "layers/fused/convolution_chain.h"

#include <algorithm>
#include <cmath>

namespace quantdyn {
namespace {

/// Below this many channels Winograd's transforms cost more than its products save.
constexpr int64_t fewest_winograd_channels = 16;

std::unique_ptr<ConvolutionKernel> make_kernel(const Convolution& convolution,
                                               ConvolutionAlgorithm algorithm) {
  if (convolution.is_depthwise()) return make_depthwise_convolution(convolution);
  const bool pays = std::min(convolution.in_c, convolution.out_c) >= fewest_winograd_channels;
  const bool wanted = algorithm == ConvolutionAlgorithm::winograd ||
                      (algorithm == ConvolutionAlgorithm::automatic && pays);
  return wanted && takes_winograd(convolution) ? make_winograd_convolution(convolution)
                                               : make_direct_convolution(convolution);
}

/// Ends by channel are read when they are applied, so they are no fused activation even if they are
/// equal now.
FusedActivation activation_of(const Layer<float>& layer) {
  return layer.channel_ends() ? FusedActivation::none : fused_activation(layer.activation());
}

}  // namespace

ConvolutionChain::ConvolutionChain(const Network& network, std::span<const int> nodes,
                                   ConvolutionAlgorithm algorithm)
    : linear(*network.layer(nodes.front())->linear()),
      norm(network.layer(nodes[nodes.size() > 1 ? 1 : 0])->channel_affine()),
      activation(activation_of(*network.layer(nodes.back()))),
      ends(network.layer(nodes.back())->channel_ends()),
      kernel(make_kernel(*network.layer(nodes.front())->convolution(), algorithm)) {}

ChainScale::ChainScale(int64_t channels)
    : scale(channels, 1.0f),
      shift(channels, 0.0f),
      mean(channels, 0.0f),
      inverse_deviation(channels, 1.0f) {}

void ChainScale::take_parameters(const ConvolutionChain& chain) {
  const ChannelAffine<float>* const norm = chain.norm;
  for (int64_t k = 0; k < chain.channels(); ++k) {
    if (norm == nullptr) {
      shift[k] = static_cast<float>(chain.bias(k));
      continue;
    }
    const double inverse = 1 / std::sqrt(norm->variance->read()[k] + norm->epsilon);
    const double offset = norm->mean->read()[k] - chain.bias(k);
    const double factor = norm->gamma->read()[k] * inverse;
    mean[k] = static_cast<float>(offset);
    inverse_deviation[k] = static_cast<float>(inverse);
    scale[k] = static_cast<float>(factor);
    shift[k] = static_cast<float>(norm->beta->read()[k] - factor * offset);
  }
}

std::vector<int> convolution_chain(const Network& network, int first) {
  const Unit& unit = network.units()[network.nodes()[first].unit];
  if (unit.leader != first || network.layer(first)->convolution() == nullptr ||
      network.layer(first)->linear() == nullptr)
    return {};
  std::vector<int> nodes{first};
  if (unit.norm >= 0) nodes.push_back(unit.norm);
  if (unit.activation >= 0 &&
      activation_of(*network.layer(unit.activation)) != FusedActivation::none)
    nodes.push_back(unit.activation);
  return nodes;
}

std::vector<int> evaluated_convolution_chain(const Network& network, int first) {
  std::vector<int> nodes = convolution_chain(network, first);
  if (nodes.empty()) return nodes;
  const int activation = network.units()[network.nodes()[first].unit].activation;
  if (activation >= 0 && network.layer(activation)->channel_ends()) nodes.push_back(activation);
  return nodes;
}

namespace {

const bool registered = (fused_chains().push_back({.nodes = convolution_chain,
                                                   .evaluation = make_convolution_evaluation,
                                                   .training = make_convolution_training,
                                                   .evaluated = evaluated_convolution_chain}),
                         true);

}  // namespace
}  // namespace quantdyn
