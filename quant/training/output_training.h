// A unit's output that trains through a quantizer: a step of the training plan.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "framework/run/training_step.h"
#include "quant/ranges/extremes.h"
#include "quant/training/trained_range.h"

namespace quantdyn {

/// y = Q(x) over a batch; gradients pass straight through where codes do not saturate. x may be a
/// map of what the previous step saved. With straight_through the range follows each batch's
/// smallest and largest values, range + momentum (batch - range); with lsq and pact it is a
/// parameter.
///
/// Where readers quantize what they load, the step is a transform, and its gradient passes while
/// the reader has it in the cache.
class OutputTraining final : public TrainingStep,
                             public MapReader,
                             public GradientWatcher,
                             public InputWatcher,
                             public Transform,
                             public CopyingTransform {
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

  /// Null where a value's place decides: with stochastic rounding.
  const Transform* transform() const override { return depends_on_place_ ? nullptr : this; }
  bool has_parameters() const override { return range_.learning() != Learning::straight_through; }
  void apply(const MutableTile& tile) const override { range_.quantization().apply(tile); }
  void apply_to(const Tile& from, float* to) const override { range_.quantize(from, to); }
  InputWatcher* input_watcher() override { return has_parameters() ? nullptr : this; }
  void expect_input() override {
    seen_ = std::make_unique<Extremes>(range_.tensor(), range_.channels());
  }
  void watch_input(const Tile& tile) override {
    if (!is_frozen_) seen_->add(tile);
  }
  GradientWatcher* gradient_watcher() override { return this; }
  void expect_gradients(int64_t images) override;
  /// Passes dy in place.
  void watch_gradient(View<const float> x, View<float> dy, int64_t first, int64_t images) override;

 private:
  void move_range(View<const float> x);
  Extremes extremes_of(View<const float> x) const;
  void pass_images(View<const float> x, View<const float> y, View<const float> dy,
                   const InputGradient& dx, int64_t first, int64_t images, double* sums) const;
  void add_sums(int64_t images);

  TrainedRange& range_;
  double momentum_;
  std::optional<ChannelMap> map_;  // of the previous step; empty: x is read as it is
  bool is_frozen_ = false;
  bool depends_on_place_;
  bool is_watched_ = false;         // expect_gradients() was called
  int64_t next_chunk_ = 0;          // over all batches: stochastic rounding draws anew
  std::unique_ptr<Extremes> seen_;  // of the next input; null: no one shows it
  std::vector<double> sums_;        // of the gradient of the range, by chunk and channel
};

}  // namespace quantdyn
