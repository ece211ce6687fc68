// Quantization-aware training: a variant's quantizers in the training plan of its net.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/run/quantized_training.h"
#include "quant/schemes/tensor_id.h"
#include "quant/training/output_training.h"
#include "quant/training/weight_training.h"
#include "quant/variants/variant.h"

namespace quantdyn {

/// The section `train.quantization`.
struct QuantizationTrainingSettings {
  const Variant* variant = nullptr;  ///< gives the schemes; null: training is float
  int64_t start_epoch = 0;           ///< epochs in float first
  int64_t freeze_epoch = 0;          ///< after this epoch, ranges and folded statistics stay
  Folding folding = Folding::none;
  Learning weights = Learning::straight_through, outputs = Learning::straight_through;
  double range_momentum = 0.01;
  double clip_decay = 0;  ///< pact: the loss gains this times the square of the upper end

  /// Reads the section and calls finish(). ConfigError: no such variant, a variant with repairs, a
  /// folding that is not the variant's, epochs beyond the training's, schemes that cannot be
  /// learned this way.
  static QuantizationTrainingSettings read(const Options& section,
                                           const std::vector<Variant>& variants,
                                           const Network& network, int64_t epochs);
};

/// The ranges at the end of training.
using TrainedRanges = std::map<TensorId, std::vector<Range>>;

/// The quantizers of one training, from its start on.
class QuantizationTraining {
 public:
  /// `outputs`: the ranges of outputs that the variant's calibration gives now, by unit.
  QuantizationTraining(const Network& network, const QuantizationTrainingSettings& settings,
                       const std::map<int, std::vector<Range>>& outputs);
  /// One whose state is loaded next: its ranges are arbitrary until then.
  static std::unique_ptr<QuantizationTraining> to_load(
      const Network& network, const QuantizationTrainingSettings& settings);

  /// For one training plan; this outlives it.
  QuantizedTraining additions();
  /// Learned steps and upper ends; the optimizer gets them after the net's parameters.
  std::vector<Parameter<float>*> parameters();
  /// Adds the gradient of the decay of PACT's upper ends. Call it before each step.
  void decay_clips();
  /// Takes learned ranges from their parameters. Call it after each step, so that weights and
  /// ranges always belong to the same step. Error if a parameter gives no range.
  void follow_parameters();
  /// From now on the ranges of outputs stay.
  void freeze();
  TrainedRanges ranges() const;
  /// Writes how often the codes of weights have changed and oscillated since the last call, or
  /// since the start, to the nodes that have such weights (CodeChanges).
  void save_code_changes(Frame& frame);
  /// Saves or loads what later steps depend on, while a plan has the additions. Whether it is
  /// frozen is not part of it: the epoch decides.
  void visit_state(StateVisitor state);

 private:
  const Network& network_;
  const QuantizationTrainingSettings& settings_;
  std::map<int, std::unique_ptr<WeightTraining>> weights_;
  std::map<int, std::unique_ptr<TrainedRange>> outputs_;
  std::vector<OutputTraining*> steps_;  // of the plan that has the additions, by unit
};

}  // namespace quantdyn
