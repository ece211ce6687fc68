// A unit's output that trains through a quantizer: a step of the training plan.
#pragma once

#include "framework/run/step.h"
#include "quant/training/trained_range.h"

namespace quantdyn {

/// y = Q(x) over a batch, gradients straight through where codes do not saturate; x may be a map of
/// what the step before has saved. With straight_through the range moves with each batch's smallest
/// and largest values, range + momentum (batch - range); with lsq and pact it is a parameter.
class OutputTraining final : public Step {
 public:
  /// Of the result of `node`; `range` outlives the step.
  OutputTraining(int node, TrainedRange& range, double momentum);

  /// From now on the range stays where it is, whatever becomes of its parameter.
  void freeze() { is_frozen_ = true; }

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override;
  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
               float* scratch) override;
  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override;

  bool can_read_through() const override { return true; }
  void read_through(const ChannelMap* map) override { map_ = map; }

 private:
  void move_range(View<const float> x);

  TrainedRange& range_;
  double momentum_;
  const ChannelMap* map_ = nullptr;
  bool is_frozen_ = false;
  int64_t next_chunk_ = 0;  // over all batches: stochastic rounding draws anew
};

}  // namespace quantdyn
