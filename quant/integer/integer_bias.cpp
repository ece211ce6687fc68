#include "quant/integer/integer_bias.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quantdyn {

std::vector<double> least_scales(const Linear<float>& linear, const Quantization& input,
                                 const Granularity& granularity) {
  constexpr int32_t most = std::numeric_limits<int32_t>::max() / 2;
  const Tensor<float>& bias = linear.bias->master;
  std::vector<double> out(static_cast<size_t>(granularity.entries(linear.out_channels)));
  for (int64_t k = 0; k < bias.elements(); ++k) {
    const double scale = static_cast<double>(std::abs(bias[k])) / most / input.affine(0)->scale;
    double& least = out[static_cast<size_t>(granularity.entry_of(k))];
    least = std::max(least, scale);
  }
  return out;
}

IntegerBias round_bias(const std::string& node, Linear<float>& linear, const Quantization& input,
                       const Quantization& weight) {
  IntegerBias out;
  const Tensor<float>& bias = linear.bias->master;
  if (bias.empty()) return out;
  out.codes = Tensor<int32_t>(bias.shape());
  linear.bias->effective = bias;
  const double input_scale = input.affine(0)->scale;
  for (int64_t k = 0; k < bias.elements(); ++k) {
    const double scale = input_scale * weight.affine(weight.entry_of(k))->scale;
    const double code = std::nearbyint(bias[k] / scale);
    if (!(std::abs(code) <= std::numeric_limits<int32_t>::max()))
      throw_error<Error>(
          "{}: channel {}: the bias {} is {:.0f} steps of the products' scale {}; int32 holds "
          "up to {}",
          node, k, bias[k], code, scale, std::numeric_limits<int32_t>::max());
    out.codes[k] = static_cast<int32_t>(code);
    out.scale.push_back(scale);
    linear.bias->effective[k] = static_cast<float>(code * scale);
  }
  return out;
}

}  // namespace quantdyn
