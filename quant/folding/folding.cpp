#include "quant/folding/folding.h"

#include <cmath>
#include <vector>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

void require_matching(const Linear<float>& linear, const ChannelAffine<float>& norm) {
  const Shape& weight = linear.weight->master.shape();
  const int64_t channels = norm.gamma->master.elements();
  if (weight.channels() != linear.out_channels || channels != linear.out_channels)
    throw_error<Error>(
        "a batch norm of {} channels cannot be folded into weight {} of {} output channels; "
        "accepted: the same number, innermost in the weight",
        channels, weight.text(), linear.out_channels);
}

float narrowed(double value, const char* what, int64_t channel) {
  const auto out = static_cast<float>(value);
  if (std::isinf(out) && std::isfinite(value))
    throw_error<Error>("folded {} of channel {} is {}, outside float32's range", what, channel,
                       value);
  return out;
}

}  // namespace

Folded fold(const Linear<float>& linear, const ChannelAffine<float>& norm) {
  require_matching(linear, norm);
  const Tensor<float>& weight = linear.weight->master;
  const bool has_bias = linear.bias && !linear.bias->master.empty();
  const int64_t channels = linear.out_channels;
  Folded out{Tensor<float>(weight.shape()), Tensor<float>(Shape{channels})};
  std::vector<double> factor(static_cast<size_t>(channels));
  for (int64_t c = 0; c < channels; ++c) {
    const double variance = norm.variance->master[c] + norm.epsilon;
    if (!(variance > 0))
      throw_error<Error>("batch norm channel {}: variance + epsilon is {}; accepted: over 0", c,
                         variance);
    factor[c] = norm.gamma->master[c] / std::sqrt(variance);
    const double bias = has_bias ? linear.bias->master[c] : 0.0;
    out.bias[c] =
        narrowed(norm.beta->master[c] + factor[c] * (bias - norm.mean->master[c]), "bias", c);
  }
  for (int64_t i = 0; i < weight.elements(); ++i)
    out.weight[i] = narrowed(weight[i] * factor[i % channels], "weight", i % channels);
  return out;
}

FoldedNetwork unfolded(const Network& network) {
  return {network.clone(), std::vector<FoldedNorm>(network.units().size())};
}

void check_foldable(const Network& network) {
  for (size_t i = 0; i < network.nodes().size(); ++i) {
    const Node<float>& node = network.nodes()[i];
    if (!node.layer || !node.layer->channel_affine()) continue;
    const Unit& unit = network.units()[node.unit];
    if (unit.norm != static_cast<int>(i) || !network.layer(unit.leader)->linear())
      network.spec(static_cast<int>(i))
          .options.refuse(
              "", fmt::format("node '{}': this batch norm cannot be folded; it must be the only "
                              "reader of a convolution or a dense layer",
                              node.name));
  }
}

namespace {

FoldedNorm facts_of(const ChannelAffine<float>& norm) {
  const auto doubles = [](const Parameter<float>& p) {
    return std::vector<double>(p.master.values().begin(), p.master.values().end());
  };
  return {doubles(*norm.beta), doubles(*norm.gamma), doubles(*norm.variance)};
}

}  // namespace

FoldedNetwork fold_network(const Network& trained) {
  check_foldable(trained);
  FoldedNetwork out{trained.clone(), std::vector<FoldedNorm>(trained.units().size())};
  Network& network = out.network;
  for (int i = 0; i < static_cast<int>(network.nodes().size()); ++i) {
    Layer<float>* const layer = network.layer(i);
    if (layer == nullptr || layer->channel_affine() == nullptr) continue;
    const int unit = network.nodes()[i].unit;
    Linear<float>& linear = *network.layer(network.units()[unit].leader)->linear();
    try {
      Folded folded = fold(linear, *layer->channel_affine());
      linear.weight->master = std::move(folded.weight);
      linear.bias->master = std::move(folded.bias);
    } catch (const Error& e) {
      throw_error("node '{}': {}", network.nodes()[i].name, e.what());
    }
    out.norms[unit] = facts_of(*layer->channel_affine());
    network.bypass(i);
  }
  network.finish();
  return out;
}

}  // namespace quantdyn
