// The fused chain conv (+ batch norm) (+ activation), float32: what evaluation and training
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
  /// `nodes`: the convolution, then optionally its norm, then optionally a fused activation or a
  /// clip with ends by channel.
  ConvolutionChain(const Network& network, std::span<const int> nodes,
                   ConvolutionAlgorithm algorithm);

  int64_t channels() const { return kernel->conv.out_c; }
  /// The convolution's bias by channel; zero if it has none.
  double bias(int64_t k) const { return linear.bias->read() ? linear.bias->read()[k] : 0; }

  const Linear<float>& linear;
  const ChannelAffine<float>* norm;  ///< null: none
  FusedActivation activation;        ///< none if `ends` is set
  const ChannelEnds<float>* ends;    ///< of the clip that ends the chain; null: no such clip
  std::unique_ptr<ConvolutionKernel> kernel;
};

/// What a chain's norm does to each channel of the convolution without bias; without a norm, what
/// the bias does. [channels] each.
struct ChainScale {
  explicit ChainScale(int64_t channels);

  ChannelMap map(FusedActivation activation) const {
    return {scale.data(), shift.data(), activation};
  }
  /// From the running statistics; without a norm, from the bias.
  void take_parameters(const ConvolutionChain& chain);

  std::vector<float> scale, shift;
  std::vector<float> mean, inverse_deviation;  ///< of the norm's input, without bias
};

/// The nodes of the chain that starts at a convolution, by the convolution's unit.
std::vector<int> convolution_chain(const Network& network, int first);
/// The same with a clip that has ends by channel, which only evaluation fuses.
std::vector<int> evaluated_convolution_chain(const Network& network, int first);

std::unique_ptr<EvaluationStep> make_convolution_evaluation(const Network& network,
                                                            std::vector<int> nodes,
                                                            ConvolutionAlgorithm algorithm);
std::unique_ptr<TrainingStep> make_convolution_training(Network& network, std::vector<int> nodes,
                                                        ConvolutionAlgorithm algorithm);

}  // namespace quantdyn
