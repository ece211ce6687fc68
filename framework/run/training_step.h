// The contract of a step of training: one primitive, or a chain of them in one fused kernel.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "framework/base/gemm.h"
#include "framework/base/tensor.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"

namespace quantdyn {

/// Ability of a step that reads its input through a map. The step before it then need not write
/// its result.
class MapReader {
 public:
  /// From now on the input is map(x). The step must then also call InputGradient::complete() for
  /// the gradient of its input.
  virtual void read_through(const ChannelMap& map) = 0;
  /// Whether read_transformed() may be called.
  virtual bool takes_transforms() const { return false; }
  /// The same with transform(x), whatever a value's place. The transform may change from one
  /// forward() to the next.
  virtual void read_transformed(const Transform& transform) { static_cast<void>(transform); }

 protected:
  ~MapReader() = default;
};

/// Ability of a step that reads the gradient of its result early, while it is in the cache.
class GradientWatcher {
 public:
  /// From now on, watch_gradient() is called for all images of every batch before backward().
  /// Batches have up to `images` images.
  virtual void expect_gradients(int64_t images) = 0;
  /// Reads the gradient dy of the results of images [first, first + images). It may turn it into
  /// the gradient of what the step reads, if that has the same place.
  virtual void watch_gradient(View<const float> saved, View<float> dy, int64_t first,
                              int64_t images) = 0;

 protected:
  ~GradientWatcher() = default;
};

/// Ability of a step that reads its input early, while it is in the cache.
class InputWatcher {
 public:
  /// From now on, watch_input() is called for the input of every forward() before it.
  virtual void expect_input() = 0;
  /// Reads some values of the next forward()'s input. Any worker may call it, for every value once.
  virtual void watch_input(const Tile& tile) = 0;

 protected:
  ~InputWatcher() = default;
};

/// A gradient that a step hands back to what it read; `to` is empty if it is not wanted.
struct InputGradient {
  View<float> to;
  Accumulate accumulate;
  GradientWatcher* watcher = nullptr;  ///< the step that made the input, if it watches
  View<const float> saved;             ///< what that step saved, or read if it is a transform
  GradientWatcher* next = nullptr;     ///< the step before it, which shares the gradient

  /// Call it when the gradient of images [first, first + images) is complete. Any worker may call
  /// it, but one worker for all images of a chunk, in ascending order.
  void complete(int64_t first, int64_t images) const {
    if (watcher) watcher->watch_gradient(saved, to, first, images);
    if (next) next->watch_gradient(saved, to, first, images);
  }
};

/// Trains one or more nodes of the graph: the last one's result is the step's.
class TrainingStep {
 public:
  explicit TrainingStep(std::vector<int> nodes) : nodes_(std::move(nodes)) {}
  virtual ~TrainingStep() = default;
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  const std::vector<int>& nodes() const { return nodes_; }
  /// Trains on a batch; `saved` is kept for backward and has saved_floats() for each image;
  /// `scratch` has scratch_floats() for the batch, 64-byte aligned, and is not kept.
  virtual void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
                       float* scratch) = 0;
  /// May overwrite `dy`; adds to the gradients of parameters.
  virtual void backward(std::span<const View<const float>> x, View<const float> y,
                        View<float> saved, View<float> dy, std::span<const InputGradient> dx,
                        float* scratch) = 0;
  virtual int64_t saved_floats() const { return 0; }
  virtual int64_t scratch_floats(int64_t /*images*/) const { return 0; }

  /// If set, the result is this map of what forward() saves, and readers may apply it as they load.
  /// forward() and backward() then get an empty y. The step owns the map's arrays, which do not
  /// move; their values are those of the last forward().
  virtual std::optional<ChannelMap> deferred() const { return {}; }
  /// If set, the result is this transform of the input, and readers may apply it as they load.
  /// forward() then gets an empty y and only prepares the transform, and so does backward(), where
  /// `dx` may be `dy` itself: then it changes the gradient in place.
  virtual const Transform* transform() const { return nullptr; }
  /// Multiply-accumulates that a pass computes, as a share of the layer's: Winograd needs fewer.
  virtual double computed_share() const { return 1; }
  /// Whether backward() does anything but hand its gradient back.
  virtual bool has_parameters() const { return true; }
  /// Null if the step takes its input as it is.
  virtual MapReader* map_reader() { return nullptr; }
  /// Null if the step does not read its gradient early.
  virtual GradientWatcher* gradient_watcher() { return nullptr; }
  /// Null if the step does not read its input early.
  virtual InputWatcher* input_watcher() { return nullptr; }
  /// From now on forward() shows its result to `watcher`. Returns whether the step can.
  virtual bool show_result(InputWatcher& watcher) {
    static_cast<void>(watcher);
    return false;
  }

 private:
  std::vector<int> nodes_;
};

}  // namespace quantdyn
