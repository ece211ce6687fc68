#include "framework/run/quantized_training.h"

namespace quantdyn {

std::vector<FoldingStepMaker>& folding_step_makers() {
  static std::vector<FoldingStepMaker> makers;
  return makers;
}

std::unique_ptr<FoldingStep> make_folding_step(Network& network, const std::vector<int>& nodes,
                                               ConvolutionAlgorithm algorithm, Folding folding,
                                               WeightTransform* transform) {
  for (FoldingStepMaker make : folding_step_makers())
    if (auto made = make(network, nodes, algorithm, folding, transform)) return made;
  network.spec(nodes.front())
      .options.refuse("", fmt::format("node '{}': its batch norm cannot be folded in training; "
                                      "accepted: a batch norm after a convolution, run by fused "
                                      "kernels",
                                      network.nodes()[nodes.front()].name));
}

}  // namespace quantdyn
