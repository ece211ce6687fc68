// The variants of an experiment, one by one, from the net as it is now.
#pragma once

#include <memory>
#include <optional>

#include "experiments/method/evaluation.h"
#include "experiments/method/gradients.h"
#include "experiments/method/variant_snapshot.h"
#include "experiments/run/experiment.h"
#include "framework/base/stop_flag.h"

namespace quantdyn {

/// Makes the net's snapshots as it is and for one variant after another, and keeps what they share.
class VariantMaker {
 public:
  /// Where the run is.
  struct Place {
    int64_t epoch, step;
  };

  /// The experiment must outlive it.
  explicit VariantMaker(Experiment& experiment);

  ImageSet calibration_images(const Variant& variant) const;

  /// The float net's predictions for the test set, computed once for each step.
  const Predictions& reference(int64_t step) { return reference(step, predict); }
  /// The same by all ranks together, which call it at the same step.
  void share_reference(int64_t step) { reference(step, predict_over_ranks); }

  /// The snapshot of the net as it is, likewise; float_snapshot() says the rest.
  Snapshot make_float(const Place& place, std::unique_ptr<BegunSnapshot> begun,
                      std::string& folding_error);
  /// `trained`: ranges of training with quantization; empty: the variant's estimators choose.
  /// `begun` takes raw tensors; null: the snapshot keeps none. Whatever note throws ends it.
  Snapshot make(const Variant& variant, const Place& place, const TrainedRanges& trained,
                std::unique_ptr<BegunSnapshot> begun, const WorkNote& note);

 private:
  /// The net that variants quantize, and ranges that they have found for it.
  struct FloatTwin {
    FoldedNetwork network;
    int64_t step;
    KnownRanges known;
  };
  struct FloatPredictions {
    Predictions predictions;
    int64_t step;
  };

  const Predictions& reference(int64_t step, decltype(predict)* run);
  ImageSet test_images(int64_t count) const;
  FloatTwin& float_twin(bool is_folded, int64_t step);

  Experiment& e_;
  ImageSet probe_;  // the images whose tensors are tracked
  std::optional<GradientProbe> gradients_;
  std::optional<FloatTwin> folded_, unfolded_;  // of the latest step that needed them
  std::optional<FloatPredictions> reference_;   // likewise
};

/// Whether ranks share the snapshots of this step. Raw tensors go from the kernels to the file, so
/// rank 0 makes those that keep them.
bool are_snapshots_shared(const Experiment& experiment, int64_t step);

/// The experiment, whose images can be read until a stop is requested (stoppable_dataset.h).
Experiment& stoppable(Experiment& experiment, const StopFlag& stop);

}  // namespace quantdyn
