// A step of a plan: one primitive, or a chain of them in one fused kernel.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "framework/base/gemm.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// How convolutions are computed: Winograd wherever it applies, or (automatic) only where it pays.
enum class ConvolutionAlgorithm { direct, winograd, automatic };

/// Whether chains of primitives go to fused kernels; unfused is the readable reference.
enum class Fusing { fused, unfused };

/// The taps of one unit, by TapKind.
using UnitTaps = std::array<Tap, tap_kinds>;

/// Where an evaluation step stands.
struct EvaluationChunk {
  int64_t index;   ///< of the chunk, over all images that are observed
  int64_t images;  ///< real ones; the rest of the eight are zeros that no tap sees
  int worker;
  bool observed;   ///< false: transforms act, but observers see nothing
  float* scratch;  ///< Step::scratch_floats() of this worker's own
};

class Step;

/// A gradient that a step hands back to what it read; `to` is empty where none is wanted.
struct InputGradient {
  View<float> to;
  Accumulate accumulate;
  Step* watcher = nullptr;  ///< the step that made the input, where it wants to see its gradient
  View<const float> saved;  ///< what the watcher saved

  /// To be called when the gradient of images [first, first + images) is complete; by any worker,
  /// for the images of a chunk by one worker in ascending order.
  void complete(int64_t first, int64_t images) const;
};

/// Runs one or more nodes of the graph: the last one's result is the step's.
class Step {
 public:
  explicit Step(std::vector<int> nodes) : nodes_(std::move(nodes)) {}
  virtual ~Step() = default;
  const std::vector<int>& nodes() const { return nodes_; }

  /// Reads parameters ahead of evaluate(): called by one thread whenever they may have changed.
  virtual void prepare() {}
  /// Evaluates eight images, x [8,...] -> y [8,...], and visits the taps with the real ones.
  virtual void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                        const EvaluationChunk& chunk) const = 0;
  virtual int64_t scratch_floats() const { return 0; }
  /// What evaluate() makes of the values of the tap conv to get those of norm, where it shows both
  /// tile by tile; borrowed from the step, and that of the last prepare().
  virtual std::optional<TapMap> norm_of_conv() const { return {}; }

  /// Trains on a batch; `saved` is kept for backward and has saved_floats() for each image;
  /// `scratch` has training_scratch_floats() for the batch, 64-byte aligned, and is kept by nobody.
  virtual void forward(std::span<const View<const float>> x, View<float> y, View<float> saved,
                       float* scratch) = 0;
  /// `dy` may be overwritten; gradients of parameters are added to.
  virtual void backward(std::span<const View<const float>> x, View<const float> y,
                        View<float> saved, View<float> dy, std::span<const InputGradient> dx,
                        float* scratch) = 0;
  virtual int64_t saved_floats() const { return 0; }

  /// Not null: in training the result is this map of what forward() saves, and readers may apply it
  /// as they load, which spares an array written and read. forward() and backward() then get an
  /// empty y. The map's values are those of the last forward().
  virtual const ChannelMap* deferred() const { return nullptr; }
  /// Whether read_through() may be called.
  virtual bool can_read_through() const { return false; }
  /// From now on, in training, the input is this map of what x holds. A step that can read through
  /// also calls complete() for the gradient of its input.
  virtual void read_through(const ChannelMap* map) { static_cast<void>(map); }

  /// Whether watch_gradient() may be called: then it will be, for all images ahead of backward().
  virtual bool can_watch_gradient() const { return false; }
  /// From now on watch_gradient() is called in every step; batches have up to `images`.
  virtual void expect_gradients(int64_t images) { static_cast<void>(images); }
  /// Looks at the gradient dy of some images' results while it is in the cache.
  virtual void watch_gradient(View<const float> saved, View<const float> dy, int64_t first,
                              int64_t images) {
    static_cast<void>(saved), static_cast<void>(dy);
    static_cast<void>(first), static_cast<void>(images);
  }
  virtual int64_t training_scratch_floats(int64_t images) const {
    static_cast<void>(images);
    return 0;
  }

 private:
  std::vector<int> nodes_;
};

inline void InputGradient::complete(int64_t first, int64_t images) const {
  if (watcher) watcher->watch_gradient(saved, to, first, images);
}

/// Lets a tap's observers and transform see rows of a chunk, tile by tile; `values` is [rows,
/// channels].
void visit(const Tap& tap, float* values, int64_t rows, int64_t channels, int64_t first_row,
           const EvaluationChunk& chunk);

/// Covers a chain that starts at a node with one fused step, or returns null.
using StepMaker = std::unique_ptr<Step> (*)(const Network&, int node, ConvolutionAlgorithm);
std::vector<StepMaker>& step_makers();

/// The steps of a whole net in order; the input (node 0) has none.
std::vector<std::unique_ptr<Step>> make_steps(const Network& network, Fusing fusing,
                                              ConvolutionAlgorithm algorithm);

}  // namespace quantdyn
