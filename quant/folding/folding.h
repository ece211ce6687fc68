// Folding: a batch norm's scale and shift moved into the weight and bias of the layer before it.
#pragma once

#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// Replaces a linear layer and its batch norm in evaluation.
struct Folded {
  Tensor<float> weight;  ///< the shape of the linear layer's weight
  Tensor<float> bias;    ///< [K]
};

/// Folds `norm` into `linear` by output channel (the weight's innermost axis), from master values:
///   weight' = weight gamma / sqrt(variance + epsilon)
///   bias' = beta + gamma (bias - mean) / sqrt(variance + epsilon), bias 0 if absent
/// in double, rounded to float once (Jacob et al. 2018, arXiv 1712.05877, section 3.2).
/// Weight [kh,kw,in/groups,K], depthwise [kh,kw,K] or dense [in,K].
/// Throws Error if the channels do not match, variance + epsilon is not over 0, or a finite
/// value would become infinite.
Folded fold(const Linear<float>& linear, const ChannelAffine<float>& norm);

/// What is left of a unit's batch norm. Over the training images, channel by channel, its result
/// had about the mean beta and the deviation |gamma|. Empty if the unit had no norm.
struct FoldedNorm {
  std::vector<double> beta, gamma;
  std::vector<double> variance;  ///< running variance of the norm's input
};

/// A net without batch norms.
struct FoldedNetwork {
  Network network;
  std::vector<FoldedNorm> norms;  ///< by unit

  FoldedNetwork clone() const { return {network.clone(), norms}; }
};

/// A copy of the net with its batch norms in place.
FoldedNetwork unfolded(const Network& network);
/// ConfigError unless every batch norm is the only reader of a convolution or a dense layer.
void check_foldable(const Network& network);
/// A copy of the net with every batch norm folded into the convolution or dense layer before it.
/// ConfigError as check_foldable(); Error if folded values leave float32's range.
FoldedNetwork fold_network(const Network& trained);

}  // namespace quantdyn
