#include "quant/folding.h"

#include <cmath>
#include <vector>

#include "framework/error.h"

namespace quantdyn {
namespace {

void require_matching(const Linear<float>& linear, const ChannelAffine<float>& norm) {
  const Shape& weight = linear.weight->master.shape();
  const int64_t channels = norm.gamma->master.elements();
  if (weight.channels() != linear.out_channels || channels != linear.out_channels)
    fail<Error>(
        "a batch norm of {} channels cannot be folded into weight {} of {} output channels; "
        "accepted: as many, innermost in the weight",
        channels, weight.text(), linear.out_channels);
}

float narrowed(double value, const char* what, int64_t channel) {
  const auto out = static_cast<float>(value);
  if (std::isinf(out) && std::isfinite(value))
    fail<Error>("folded {} of channel {} is {}, over float32's range", what, channel, value);
  return out;
}

}  // namespace

Folded fold(const Linear<float>& linear, const ChannelAffine<float>& norm) {
  require_matching(linear, norm);
  const Tensor<float>& weight = linear.weight->master;
  const bool has_bias = linear.bias != nullptr && !linear.bias->master.empty();
  const int64_t channels = linear.out_channels;
  Folded out{Tensor<float>(weight.shape()), Tensor<float>(Shape{channels})};
  std::vector<double> factor(static_cast<size_t>(channels));
  for (int64_t c = 0; c < channels; ++c) {
    const double variance = norm.variance->master[c] + norm.epsilon;
    if (!(variance > 0))
      fail<Error>("batch norm channel {}: variance + epsilon is {}; accepted: over 0", c, variance);
    factor[c] = norm.gamma->master[c] / std::sqrt(variance);
    const double bias = has_bias ? linear.bias->master[c] : 0.0;
    out.bias[c] =
        narrowed(norm.beta->master[c] + factor[c] * (bias - norm.mean->master[c]), "bias", c);
  }
  for (int64_t i = 0; i < weight.elements(); ++i)
    out.weight[i] = narrowed(weight[i] * factor[i % channels], "weight", i % channels);
  return out;
}

}  // namespace quantdyn
