// Forward and backward over a batch, in one arena planned from the graph.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/arena.h"
#include "framework/step.h"

namespace quantdyn {

/// Trains a net: batch norms use the batch's statistics and update their running ones.
class TrainingPlan {
 public:
  /// Memory is laid out for batches of up to `batch` images.
  TrainingPlan(const Network& network, Fusing fusing, ConvolutionAlgorithm algorithm,
               int64_t batch);

  /// x [n,...] -> logits [n,classes], n <= batch; x must stay until backward() is done.
  View<const float> forward(View<const float> x);
  /// Where the gradient of the loss with respect to the logits goes before backward().
  View<float> logits_gradient();
  /// Adds to the parameters' gradients.
  void backward();

  /// The first node, in order, whose training-mode result holds NaN or infinity for the batch x;
  /// "" where all are finite. Runs forward again.
  std::string first_not_finite(View<const float> x);

  /// Memory of activations and gradients.
  int64_t arena_bytes() const { return arena_.floats() * static_cast<int64_t>(sizeof(float)); }

 private:
  struct Buffers {
    float* result = nullptr;
    float* saved = nullptr;
    float* gradient = nullptr;
    bool is_deferred = false;  // readers read what is saved, through the step's map
    bool is_watched = false;   // the one reader shows the step its gradient
  };
  int last_node(size_t step) const { return steps_[step]->nodes().back(); }
  Shape batch_shape(int node) const { return network_.nodes()[node].shape.batch_of(images_); }
  bool can_defer(size_t step) const;
  View<float> result_of(size_t step) const;
  View<float> saved_of(size_t step) const;
  std::vector<View<const float>> inputs_of(size_t step) const;
  void run_forward(size_t step);

  const Network& network_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<size_t> step_of_;   // by node
  std::vector<Buffers> buffers_;  // by step
  Arena arena_;
  float* scratch_ = nullptr;  // of the step that runs
  View<const float> x_;
  int64_t images_ = 0;
};

}  // namespace quantdyn
