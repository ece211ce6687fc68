// Folding: a batch norm's scale and shift moved into the weight and bias of the layer before it.
#pragma once

#include <vector>

#include "framework/graph/network.h"

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

/// What is left of a unit's batch norm: over the training images its result had, by channel, about
/// the mean beta and the deviation |gamma|. Empty where the unit had none.
struct FoldedNorm {
  std::vector<double> beta, gamma;
  std::vector<double> variance;  ///< the running one, of what the norm read
};

/// A net without batch norms.
struct FoldedNetwork {
  Network network;
  std::vector<FoldedNorm> norms;  ///< by unit

  FoldedNetwork clone() const { return {network.clone(), norms}; }
};

/// A copy of the net as it is, its batch norms where they were.
FoldedNetwork unfolded(const Network& network);
/// ConfigError where a batch norm does not alone read a convolution or a dense layer.
void check_foldable(const Network& network);
/// A copy of the net with every batch norm folded into the convolution or dense layer before it.
/// ConfigError as check_foldable(); Error where folded values leave float32's range.
FoldedNetwork fold_network(const Network& trained);

}  // namespace quantdyn
