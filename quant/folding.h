// Folding: a batch norm's scale and shift moved into the weight and bias of the layer before it.
#pragma once

#include "framework/layer.h"
#include "framework/tensor.h"

namespace quantdyn {

/// What replaces a linear layer and its batch norm in evaluation.
struct Folded {
  Tensor<float> weight;  ///< the shape of the linear layer's weight
  Tensor<float> bias;    ///< [K]
};

/// Folds `norm` into `linear` by output channel (the weight's innermost axis), from master values:
///   weight' = weight gamma / sqrt(variance + epsilon)
///   bias' = beta + gamma (bias - mean) / sqrt(variance + epsilon), bias 0 where there is none
/// in double, rounded to float once (Jacob et al. 2018, arXiv 1712.05877, section 3.2).
/// Weight [kh,kw,in/groups,K], depthwise [kh,kw,K] or dense [in,K].
/// Throws Error where the channels do not match, variance + epsilon is not over 0, or a finite
/// value would become infinite.
Folded fold(const Linear<float>& linear, const ChannelAffine<float>& norm);

}  // namespace quantdyn
