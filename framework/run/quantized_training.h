// What quantization-aware training adds to a plan: weights seen through a quantizer, outputs after
// one, batch norms folded as the net will run.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "framework/run/chain.h"

namespace quantdyn {

/// Stands between a weight and the layer that reads it, in training.
class WeightTransform {
 public:
  virtual ~WeightTransform() = default;
  /// What the layer reads, from the weight (folded or not). Called once a step, by one thread.
  virtual void forward(const Tensor<float>& weight, Tensor<float>& effective) = 0;
  /// Turns the gradient of what the layer read into that of the weight, in place; adds to the
  /// gradients of own parameters.
  virtual void backward(const Tensor<float>& weight, const Tensor<float>& effective,
                        Tensor<float>& gradient) = 0;
};

/// Which statistics fold a batch norm into the weights before it in training.
///
/// batch: the convolution with the master weights gives the batch's, its weights folded by them run
/// a second time (Jacob et al. 2018, arXiv 1712.05877, section 3.2). running: the running ones,
/// which stay as they are (Krishnamoorthi 2018, arXiv 1806.08342, section 3.2.2).
enum class Folding { none, running, batch };

/// The additions; what is pointed to outlives the plan.
struct QuantizedTraining {
  Folding folding = Folding::none;
  std::map<int, WeightTransform*> weights;  ///< by unit
  std::map<int, std::unique_ptr<TrainingStep>>
      outputs;  ///< by unit: takes its output, gives what is read
};

/// A step that folds, of the chain of a unit with a batch norm; `freeze()` makes batch statistics
/// running ones from then on.
class FoldingStep : public TrainingStep {
 public:
  using TrainingStep::TrainingStep;
  virtual void freeze() = 0;
};

/// Makes such a step of `nodes`, a chain with a batch norm; null where they are no such chain.
using FoldingStepMaker = std::unique_ptr<FoldingStep> (*)(Network&, const std::vector<int>& nodes,
                                                          ConvolutionAlgorithm, Folding,
                                                          WeightTransform*);
std::vector<FoldingStepMaker>& folding_step_makers();
/// By the first maker that can. Throws ConfigError (node) where none can: a batch norm that is no
/// part of a fused chain.
std::unique_ptr<FoldingStep> make_folding_step(Network& network, const std::vector<int>& nodes,
                                               ConvolutionAlgorithm algorithm, Folding folding,
                                               WeightTransform* transform);

}  // namespace quantdyn
