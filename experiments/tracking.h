// Attaches statistics to every tap of a net and takes those of its weights.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/loader.h"
#include "experiments/calibration.h"
#include "framework/evaluator.h"
#include "framework/frame.h"
#include "stats/statistic.h"
#include "stats/tracker.h"

namespace quantdyn {

/// An empty frame for a net: a row a unit, the channels of all units one after the other.
Frame make_frame(const Network& network);

/// Trackers behind the transforms of all taps of an evaluator, for as long as this lives;
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
  struct Place {
    int unit;
    TapKind kind;
    std::unique_ptr<Tracker> tracker;
  };
  Tracker* tracker_of(int unit, TapKind kind);
  void follow_conv(const Place& norm);
  void follow_norm(const Place& output);
  bool another_pass();

  Evaluator& evaluator_;
  std::vector<Place> places_;
};

/// Statistics of what every unit's leader reads as weight.
void track_weights(const Network& network, const StatisticKinds& kinds, Frame& frame,
                   const std::string& tensor);

/// Calls `work(x, images, first_chunk)` with batches of the given images, x [N,...] padded to a
/// multiple of 8.
void for_image_batches(
    const Dataset& dataset, const Standardization& standardization,
    std::span<const int64_t> indices,
    const std::function<void(View<const float> x, int64_t images, int64_t first_chunk)>& work);

}  // namespace quantdyn
