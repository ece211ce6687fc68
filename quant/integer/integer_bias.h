// Biases as integer arithmetic adds them: int32, at the scale of the products.
#pragma once

#include <vector>

#include "framework/graph/layer.h"
#include "quant/quantizers/quantizer.h"

namespace quantdyn {

/// A bias in codes: value = scale code, by output channel.
struct IntegerBias {
  Tensor<int32_t> codes;
  std::vector<double> scale;  ///< s_input s_weight, by output channel
};

/// By entry of the weight: the smallest scale at which the bias is at most 2^30 - 1 steps of the
/// products, max|bias| / (2^30 - 1) / s_input; that leaves one bit of int32 for the sums
/// (TensorFlow Lite, QuantizationDriver::SetBiasParamsWithAdjustments). 0 without a bias. `input`
/// is affine, per tensor.
std::vector<double> least_scales(const Linear<float>& linear, const Quantization& input,
                                 const Granularity& granularity);

/// Rounds linear.bias to multiples of s_input s_weight, to nearest, ties to even (Jacob et al.
/// 2018, arXiv 1712.05877, section 2.4), and writes the rounded values to its `effective`. `input`
/// is affine, per tensor, `weight` affine. A layer without a bias gets none. Throws Error (`node`)
/// if a code would leave int32.
IntegerBias round_bias(const std::string& node, Linear<float>& linear, const Quantization& input,
                       const Quantization& weight);

}  // namespace quantdyn
