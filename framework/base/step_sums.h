// Gradients of a step whose batch comes in micro batches: the bits of the whole batch.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/base/threads.h"

namespace quantdyn {

/// While one exists, the batch that is worked on is a micro batch of a step. There is at most one.
///
/// The gradient of a micro batch whose images are a power of two times the parts that kernels sum
/// is a subtree of the fixed tree over the whole batch (ChunkTree), so joining them by that tree
/// gives the bits of the whole batch, also where they are rounded from sums in double.
class StepSums {
 public:
  /// For gradients of a step over `images` images, of all ranks.
  StepSums(std::vector<Tensor<float>*> gradients, int64_t images);
  ~StepSums();
  StepSums(const StepSums&) = delete;
  StepSums& operator=(const StepSums&) = delete;

  int64_t images() const { return images_; }
  /// The sums that `gradient` is about to be rounded from.
  void note(const float* gradient, std::span<const double> sums);
  /// Takes the gradients of the next micro batch and sets them to zero.
  void add_micro_batch();
  /// Gives the gradients of the step, once all micro batches are added.
  void finish();

 private:
  /// Of one gradient; in double where it is rounded from that, else in float.
  struct Sums {
    std::vector<float> floats;
    std::vector<double> doubles;
  };
  static void merge(Sums& left, const Sums& right);

  std::vector<Tensor<float>*> gradients_;
  int64_t images_, micro_batches_ = 0;
  std::map<const float*, std::vector<double>> noted_;  // of this micro batch
  std::vector<ChunkTree<Sums>> trees_;                 // by gradient
};

/// Images of the whole step, of which this rank works on `images`.
int64_t images_of_step(int64_t images);

/// gradient[i] += sums[i], the sums over the batch, or micro batch, that is worked on.
void add_gradient(Tensor<float>& gradient, std::span<const double> sums);
/// In double nothing is trained.
void add_gradient(Tensor<double>& gradient, std::span<const double> sums);

}  // namespace quantdyn
