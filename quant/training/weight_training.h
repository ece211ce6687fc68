// A weight that trains through a quantizer.
#pragma once

#include "framework/run/quantized_training.h"
#include "quant/training/code_changes.h"
#include "quant/training/trained_range.h"

namespace quantdyn {

/// effective = Q(weight); gradients pass straight through where codes do not saturate. With
/// straight_through the scheme's estimator sets the range from every step's weight; with lsq the
/// step is a parameter.
class WeightTraining final : public WeightTransform {
 public:
  /// `weight`: its value when training with quantization starts, folded or not.
  WeightTraining(std::shared_ptr<const Scheme> scheme, const std::string& tensor, Learning learning,
                 const Tensor<float>& weight);

  void forward(const Tensor<float>& weight, Tensor<float>& effective) override;
  void backward(const Tensor<float>& weight, const Tensor<float>& effective,
                Tensor<float>& gradient) override;

  TrainedRange& range() { return range_; }
  /// Follows the codes that forward() gave.
  CodeChanges& code_changes() { return code_changes_; }
  void visit_state(StateVisitor state);

 private:
  TrainedRange range_;
  CodeChanges code_changes_;
  int64_t step_ = 0;
};

}  // namespace quantdyn
