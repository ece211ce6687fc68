// Which nodes run as one step, and what makes the steps.
#pragma once

#include <memory>
#include <vector>

#include "framework/graph/network.h"
#include "framework/run/evaluation_step.h"
#include "framework/run/training_step.h"

namespace quantdyn {

/// How convolutions are computed: Winograd wherever it applies, or (automatic) where it is faster.
enum class ConvolutionAlgorithm { direct, winograd, automatic };

/// Whether chains of primitives go to fused kernels; unfused is the readable reference.
enum class Fusing { fused, unfused };

/// A kind of chain that fused kernels run (layers/fused).
struct FusedChain {
  /// The nodes, in order, of the chain that starts at a node; empty if no chain of this kind does.
  std::vector<int> (*nodes)(const Network& network, int first);
  std::unique_ptr<EvaluationStep> (*evaluation)(const Network& network, std::vector<int> nodes,
                                                ConvolutionAlgorithm algorithm);
  std::unique_ptr<TrainingStep> (*training)(Network& network, std::vector<int> nodes,
                                            ConvolutionAlgorithm algorithm);
  /// The nodes that evaluation runs as one step, if they are more than training's; null: the same.
  std::vector<int> (*evaluated)(const Network& network, int first) = nullptr;
};
std::vector<FusedChain>& fused_chains();

/// The steps of a whole net in order; the input (node 0) has none.
std::vector<std::unique_ptr<EvaluationStep>> make_evaluation_steps(const Network& network,
                                                                   Fusing fusing,
                                                                   ConvolutionAlgorithm algorithm);
std::vector<std::unique_ptr<TrainingStep>> make_training_steps(Network& network, Fusing fusing,
                                                               ConvolutionAlgorithm algorithm);

}  // namespace quantdyn
