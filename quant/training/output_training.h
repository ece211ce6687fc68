// A unit's output that trains through a quantizer: a step of the training plan.
#pragma once

#include <optional>

#include "framework/run/training_step.h"
#include "quant/training/trained_range.h"

namespace quantdyn {

/// y = Q(x) over a batch; gradients pass straight through where codes do not saturate. x may be a
/// map of what the previous step saved. With straight_through the range follows each batch's
/// smallest and largest values, range + momentum (batch - range); with lsq and pact it is a
/// parameter.
class OutputTraining final : public TrainingStep, public MapReader {
 public:
  /// Quantizes the result of `node`; `range` outlives the step.
  OutputTraining(int node, TrainedRange& range, double momentum);

  /// From now on the range stays as it is, whatever happens to its parameter.
  void freeze() { is_frozen_ = true; }
  /// TrainedRange's, unless it is frozen.
  void follow_parameter();
  /// Except whether it is frozen, which the epoch decides.
  void visit_state(StateVisitor state);

  void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
               float* scratch) override;
  void backward(std::span<const View<const float>> x, View<const float> y, View<float> saved,
                View<float> dy, std::span<const InputGradient> dx, float* scratch) override;

  MapReader* map_reader() override { return this; }
  void read_through(const ChannelMap& map) override { map_ = map; }

 private:
  void move_range(View<const float> x);

  TrainedRange& range_;
  double momentum_;
  std::optional<ChannelMap> map_;  // of the previous step; empty: x is read as it is
  bool is_frozen_ = false;
  int64_t next_chunk_ = 0;  // over all batches: stochastic rounding draws anew
};

}  // namespace quantdyn
