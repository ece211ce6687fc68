// Forward and backward over a batch, in one arena planned from the graph.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/arena.h"
#include "framework/run/quantized_training.h"

namespace quantdyn {

/// Sees the gradient of the loss with respect to a node's result, [n,...], when it is complete; in
/// reverse order of the nodes, the net's input left out.
using GradientObserver = std::function<void(int node, View<const float> gradient)>;

/// Trains a net: batch norms use the batch's statistics and update their running ones.
class TrainingPlan {
 public:
  /// Memory is laid out for batches of up to `batch` images.
  TrainingPlan(Network& network, Fusing fusing, ConvolutionAlgorithm algorithm, int64_t batch,
               QuantizedTraining quantized = {}, const LayoutRule& rule = lay_out);

  /// x [n,...] -> logits [n,classes], n <= batch; x must stay until backward() is done.
  View<const float> forward(View<const float> x);
  /// Where the gradient of the loss with respect to the logits goes before backward().
  View<float> logits_gradient();
  /// Adds to the parameters' gradients, which are zero before it where weights are transformed.
  /// `observe`, where not empty, sees the result of every step's last node: all nodes of an unfused
  /// plan.
  void backward(const GradientObserver& observe = {});
  /// From now on batch norms that are folded use their running statistics.
  void freeze_folding();

  /// The first node, in order, whose training-mode result holds NaN or infinity for the batch x;
  /// "" where all are finite. Runs forward again.
  std::string first_not_finite(View<const float> x);

 private:
  struct Buffers {
    float* result = nullptr;
    float* saved = nullptr;
    float* gradient = nullptr;
    bool is_deferred = false;            // readers read what is saved, through the step's map
    GradientWatcher* watcher = nullptr;  // the step itself, where its one reader shows it
  };
  /// A weight that is transformed, where no step does it itself.
  struct TransformedWeight {
    Parameter<float>* weight;
    WeightTransform* transform;
    Tensor<float> effective;  // lent to the weight from forward() to the end of backward()
  };
  static constexpr int images_given = -1;  // in place of a step: the batch x itself

  void add_steps(Fusing fusing, ConvolutionAlgorithm algorithm, QuantizedTraining quantized);
  void connect();
  void defer(int64_t batch);
  void lay_out_memory(int64_t batch, const LayoutRule& rule);
  int last_node(size_t step) const { return steps_[step]->nodes().back(); }
  Shape batch_shape(int node) const { return network_.nodes()[node].shape.batch_of(images_); }
  bool can_defer(size_t step) const;
  View<float> result_of(size_t step) const;
  View<float> saved_of(size_t step) const;
  std::vector<View<const float>> inputs_of(size_t step) const;
  void run_forward(size_t step);
  void lend_weights();

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
};

}  // namespace quantdyn
