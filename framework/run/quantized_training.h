// What quantization-aware training adds to a plan: quantizers for weights and outputs, and batch
// norms folded as in the deployed net.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "framework/run/chain.h"

namespace quantdyn {

/// Transforms a weight for the layer that reads it, in training.
class WeightTransform {
 public:
  virtual ~WeightTransform() = default;
  /// Computes what the layer reads from the weight, folded or not. One thread calls it once a step.
  virtual void forward(const Tensor<float>& weight, Tensor<float>& effective) = 0;
  /// Turns the gradient of what the layer read into that of the weight, in place. Adds to the
  /// gradients of the transform's own parameters.
  virtual void backward(const Tensor<float>& weight, const Tensor<float>& effective,
                        Tensor<float>& gradient) = 0;
};

/// Which statistics fold a batch norm into the weights before it in training.
///
/// batch: a convolution with the master weights gives the batch's statistics; a second one runs
/// with the weights folded by them (Jacob et al. 2018, arXiv 1712.05877, section 3.2). running: the
/// running statistics, which do not change (Krishnamoorthi 2018, arXiv 1806.08342, section 3.2.2).
enum class Folding { none, running, batch };

/// The additions; the objects pointed to must outlive the plan.
struct QuantizedTraining {
  Folding folding = Folding::none;
  std::map<int, WeightTransform*> weights;  ///< by unit
  std::map<int, std::unique_ptr<TrainingStep>>
      outputs;  ///< by unit: from its output to what readers read
};

/// A step that folds a unit's batch norm. From freeze() on it uses running statistics instead of
/// the batch's.
class FoldingStep : public TrainingStep {
 public:
  using TrainingStep::TrainingStep;
  virtual void freeze() = 0;
};

/// Makes a folding step of `nodes`; null if they are not a chain with a batch norm that it can run.
using FoldingStepMaker = std::unique_ptr<FoldingStep> (*)(Network&, const std::vector<int>& nodes,
                                                          ConvolutionAlgorithm, Folding,
                                                          WeightTransform*);
std::vector<FoldingStepMaker>& folding_step_makers();
/// Uses the first maker that can make it. Throws ConfigError, which names the node, if none can:
/// the batch norm is not part of a fused chain.
std::unique_ptr<FoldingStep> make_folding_step(Network& network, const std::vector<int>& nodes,
                                               ConvolutionAlgorithm algorithm, Folding folding,
                                               WeightTransform* transform);

}  // namespace quantdyn
