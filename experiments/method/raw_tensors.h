// Raw activations and gradients of chosen nodes: the key `tensors` of the section `track`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "experiments/results/result.h"
#include "framework/run/evaluator.h"

namespace quantdyn {

/// Which tensors of which nodes, for how many images.
struct RawTensorSettings {
  enum class Snapshots { all, last };

  std::vector<std::string> nodes;    ///< names of units
  std::vector<std::string> tensors;  ///< "conv", "norm", "output" and their and weights' gradients
  int64_t images;  ///< the first probe images; gradients: the first of their batch
  Snapshots snapshots;

  /// How many images are available.
  struct Available {
    int64_t probe_images, gradient_images;  ///< 0: gradients are not tracked
  };
  /// Reads the section and calls finish(). ConfigError: an unknown node (lists the known ones) or
  /// tensor, a node that has none of the tensors, gradients that are not tracked, too many images.
  static RawTensorSettings read(const Options& section, const Network& network,
                                const Available& available);

  bool wants(const std::string& node, const std::string& tensor) const;
};

/// Which raw tensors a snapshot keeps, and where.
struct RawTensorTask {
  const RawTensorSettings* settings = nullptr;  ///< null: none
  BegunSnapshot* into = nullptr;
};

/// Writes one snapshot's raw tensors to the run's file of them: as an observer after the transforms
/// of an evaluator's taps, for as long as this lives, and from the gradients passed to add(). A
/// worker holds one chunk of images of each tap.
class RawTensors {
 public:
  RawTensors(const RawTensorTask& task, Evaluator& evaluator);
  ~RawTensors();
  RawTensors(const RawTensors&) = delete;
  RawTensors& operator=(const RawTensors&) = delete;

  /// Writes the first images of a tensor [n,...] of a node, if it is wanted; `weight_gradient`,
  /// which has no images, whole.
  void add(const std::string& node, const std::string& tensor, View<const float> values);

 private:
  class Copy;
  struct CopiedTap {
    int unit;
    TapKind kind;
    std::unique_ptr<Copy> copy;
  };

  RawTensorTask task_;
  Evaluator& evaluator_;
  std::vector<CopiedTap> taps_;
};

}  // namespace quantdyn
