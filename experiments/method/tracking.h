// Attaches statistics to every tap of a net and collects those of its weights.
#pragma once

#include <memory>
#include <vector>

#include "data/image_set.h"
#include "framework/h5/frame.h"
#include "framework/run/evaluator.h"
#include "stats/tracking/statistic.h"
#include "stats/tracking/unit_tracker.h"

namespace quantdyn {

/// An empty frame for a net: one row per unit; the channels of all units in sequence.
Frame make_frame(const Network& network);

/// Trackers after the transforms of all taps of an evaluator, for as long as this lives. Attach the
/// transforms first.
class TapTrackers {
 public:
  /// `over_ranks`: each rank runs some of the images, whole chunks by their index among all.
  TapTrackers(Evaluator& evaluator, const StatisticKinds& kinds, bool over_ranks = false);
  ~TapTrackers();
  TapTrackers(const TapTrackers&) = delete;
  TapTrackers& operator=(const TapTrackers&) = delete;
  /// Writes the statistics of all taps for these images, as tensors "conv", "norm" and "output".
  /// Runs the evaluator on the images, those of this rank, again if a statistic needs it.
  void finish(const ImageSet& images, Frame& frame);

 private:
  bool another_pass();

  Evaluator& evaluator_;
  std::vector<std::unique_ptr<UnitTracker>> units_;
};

/// Statistics of the weight of every unit's leader.
void track_weights(const Network& network, const StatisticKinds& kinds, Frame& frame,
                   const std::string& tensor);

}  // namespace quantdyn
