// The variants of an experiment, one by one, from the net as it is now.
#pragma once

#include <memory>
#include <optional>

#include "experiments/method/evaluation.h"
#include "experiments/method/variant_snapshot.h"
#include "experiments/run/experiment.h"
#include "framework/base/stop_flag.h"

namespace quantdyn {

/// Quantizes the net for one variant after another, and keeps what they share.
class VariantMaker {
 public:
  /// Where the run is.
  struct Place {
    int64_t epoch, step;
  };

  /// The experiment must outlive it.
  explicit VariantMaker(Experiment& experiment);

  /// The images whose tensors are tracked.
  const ImageSet& probe() const { return probe_; }
  ImageSet calibration_images(const Variant& variant) const;

  /// The float net's predictions for the test set, computed once for each step.
  const Predictions& reference(int64_t step);
  /// What reference() gives from now on for this step.
  void set_reference(Predictions predictions, int64_t step) {
    reference_ = {std::move(predictions), step};
  }

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

  ImageSet test_images(int64_t count) const;
  FloatTwin& float_twin(bool is_folded, int64_t step);

  Experiment& e_;
  ImageSet probe_;
  std::optional<FloatTwin> folded_, unfolded_;  // of the latest step that needed them
  std::optional<FloatPredictions> reference_;   // likewise
};

/// The experiment, whose images can be read until a stop is requested (stoppable_dataset.h).
Experiment& stoppable(Experiment& experiment, const StopFlag& stop);

}  // namespace quantdyn
