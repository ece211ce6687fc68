// Attaches statistics to every tap of a net and takes those of its weights.
#pragma once

#include <memory>
#include <vector>

#include "data/image_set.h"
#include "framework/h5/frame.h"
#include "framework/run/evaluator.h"
#include "stats/tracking/statistic.h"
#include "stats/tracking/unit_tracker.h"

namespace quantdyn {

/// An empty frame for a net: a row a unit, the channels of all units one after the other.
Frame make_frame(const Network& network);

/// Trackers after the transforms of all taps of an evaluator, for as long as this lives;
/// transforms are attached before.
class TapTrackers {
 public:
  TapTrackers(Evaluator& evaluator, const StatisticKinds& kinds);
  ~TapTrackers();
  TapTrackers(const TapTrackers&) = delete;
  TapTrackers& operator=(const TapTrackers&) = delete;
  /// Writes what all taps showed for these images, as tensors "conv", "norm" and "output"; runs the
  /// evaluator on them again where a statistic needs it.
  void finish(const ImageSet& images, Frame& frame);

 private:
  bool another_pass();

  Evaluator& evaluator_;
  std::vector<std::unique_ptr<UnitTracker>> units_;
};

/// Statistics of what every unit's leader reads as weight.
void track_weights(const Network& network, const StatisticKinds& kinds, Frame& frame,
                   const std::string& tensor);

}  // namespace quantdyn
