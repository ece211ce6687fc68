// The fused chain conv (+ batch norm) (+ activation), float32: what its evaluation and its training
// share.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "framework/run/chain.h"
#include "layers/fused/convolution_kernel.h"

namespace quantdyn {

/// The layers of a chain, and the kernel of its convolution.
struct ConvolutionChain {
  /// `nodes`: the convolution, then maybe its norm, then maybe an activation that is fused.
  ConvolutionChain(const Network& network, std::span<const int> nodes,
                   ConvolutionAlgorithm algorithm);

  int64_t channels() const { return kernel->conv.out_c; }
  /// Of the convolution, by channel; zero where it has none.
  double bias(int64_t k) const { return linear.bias->read() ? linear.bias->read()[k] : 0; }

  const Linear<float>& linear;
  const ChannelAffine<float>* norm;  ///< null: none
  FusedActivation activation;
  std::unique_ptr<ConvolutionKernel> kernel;
};

/// What the norm of a chain, or else its bias, does to each channel of a convolution without bias,
/// and where that comes from; [channels] each.
struct ChainScale {
  explicit ChainScale(int64_t channels);

  ChannelMap map(FusedActivation activation) const {
    return {scale.data(), shift.data(), activation};
  }
  /// Of the bias where there is no norm, else of the running statistics.
  void take_parameters(const ConvolutionChain& chain);

  std::vector<float> scale, shift;
  std::vector<float> mean, inverse_deviation;  ///< of the norm's input, without bias
};

/// The nodes of the chain that starts at a convolution; the unit says what belongs to it.
std::vector<int> convolution_chain(const Network& network, int first);

std::unique_ptr<EvaluationStep> make_convolution_evaluation(const Network& network,
                                                            std::vector<int> nodes,
                                                            ConvolutionAlgorithm algorithm);
std::unique_ptr<TrainingStep> make_convolution_training(Network& network, std::vector<int> nodes,
                                                        ConvolutionAlgorithm algorithm);

}  // namespace quantdyn
