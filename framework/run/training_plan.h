// Forward and backward over a batch, in one arena planned from the graph.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/arena.h"
#include "framework/run/quantized_training.h"
#include "framework/run/step_profile.h"

namespace quantdyn {

/// Called with the gradient of the loss with respect to a node's result, [n,...], once complete; in
/// reverse order of the nodes, without the net's input.
using GradientObserver = std::function<void(int node, View<const float> gradient)>;

/// Trains a net: batch norms use the batch's statistics and update their running ones.
class TrainingPlan {
 public:
  /// Plans memory for batches of up to `batch` images.
  TrainingPlan(Network& network, Fusing fusing, ConvolutionAlgorithm algorithm, int64_t batch,
               QuantizedTraining quantized = {}, const LayoutRule& rule = lay_out);

  /// x [n,...] -> logits [n,classes], n <= batch; x must stay valid until backward() returns.
  View<const float> forward(View<const float> x);
  /// Write the gradient of the loss with respect to the logits here before backward().
  View<float> logits_gradient();
  /// Adds to the parameters' gradients; those of transformed weights must be zero before. If not
  /// empty, `observe` sees the gradient of every step's last node: in an unfused plan, of all
  /// nodes.
  void backward(const GradientObserver& observe = {});
  /// From now on folded batch norms use their running statistics.
  void freeze_folding();

  /// The first node, in order, whose training-mode result holds NaN or infinity for the batch x;
  /// "" if all are finite. Runs forward again.
  std::string first_not_finite(View<const float> x);

  /// From now on, takes the time of every step; forgets what it took before.
  void start_profile();
  /// What each step took since, in order. Sizes are those of the last batch.
  std::vector<StepProfile> profile() const;

 private:
  struct Buffers {
    float* result = nullptr;
    float* saved = nullptr;
    float* gradient = nullptr;
    bool is_deferred = false;            // readers apply the step's map to what is saved
    bool is_transform = false;           // readers apply the step's transform to what it reads
    bool shares_gradient = false;        // with the step that it reads
    GradientWatcher* watcher = nullptr;  // the step itself, if its only reader shows it dy
    GradientWatcher* next = nullptr;     // the step that it reads, if they share the gradient
  };
  /// A weight that the plan transforms because no step does it itself.
  struct TransformedWeight {
    Parameter<float>* weight;
    WeightTransform* transform;
    Tensor<float> effective;  // lent to the weight from forward() to the end of backward()
  };
  static constexpr int images_given = -1;  // in place of a step: the batch x itself

  void add_steps(Fusing fusing, ConvolutionAlgorithm algorithm, QuantizedTraining quantized);
  void connect();
  void defer(int64_t batch);
  void defer_transform(size_t step, int64_t batch);
  void lay_out_memory(int64_t batch, const LayoutRule& rule);
  int last_node(size_t step) const { return steps_[step]->nodes().back(); }
  Shape batch_shape(int node) const { return network_.nodes()[node].shape.batch_of(images_); }
  bool can_defer(size_t step) const;
  bool can_defer_transform(size_t step) const;
  bool is_gradient_wanted(int source) const;
  View<float> result_of(size_t step) const;
  View<float> saved_of(size_t step) const;
  View<const float> read_from(int source) const;
  InputGradient gradient_to(size_t source, Accumulate accumulate) const;
  std::vector<View<const float>> inputs_of(size_t step) const;
  void run_forward(size_t step);
  void lend_weights();
  double floats_forward(size_t step) const;
  double floats_backward(size_t step) const;
  bool has_input_gradient(size_t step) const;

  Network& network_;
  std::vector<std::unique_ptr<TrainingStep>> steps_;
  std::vector<FoldingStep*> folding_;
  std::vector<TransformedWeight> transformed_;
  std::vector<std::vector<int>> sources_;     // by step: the steps that it reads, or images_given
  std::vector<std::vector<size_t>> readers_;  // by step
  std::vector<Buffers> buffers_;              // by step
  Arena arena_;
  float* scratch_ = nullptr;  // of the step that runs
  View<const float> x_;
  int64_t images_ = 0;
  std::vector<double> forward_seconds_, backward_seconds_;  // by step; empty: nobody asked
  int64_t profiled_ = 0;                                    // batches
};

}  // namespace quantdyn
