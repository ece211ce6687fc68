// The observer that feeds statistics from one tap or a plain tensor.
#pragma once

#include <string>

#include "framework/base/tensor.h"
#include "framework/graph/tap.h"
#include "framework/h5/frame.h"
#include "stats/tracking/tensor_statistics.h"

namespace quantdyn {

/// Takes the chosen statistics of all values that it is shown, the same bits for any number of
/// workers. The taps of one unit go to a UnitTracker.
///
///   Tracker tracker(channels, worker_count(), kinds);
///   tap.after.push_back(&tracker);
///   do { ... run ... } while (tracker.another_pass());
///   tracker.finish(frame, "output", node);
class Tracker final : public Observer {
 public:
  /// `over_ranks`: each rank shows some of the values, whole chunks by their index among all.
  Tracker(const TensorTraits& traits, int workers, StatisticKinds kinds, bool over_ranks = false)
      : statistics_(traits, workers, std::move(kinds), over_ranks) {}
  Tracker(int64_t channels, int workers, StatisticKinds kinds)
      : Tracker(TensorTraits{channels}, workers, std::move(kinds)) {}

  /// Thread-safe for tiles of different workers.
  void add(const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// Call it when all values have been shown; returns whether a statistic needs them again.
  bool another_pass();
  /// Writes layerwise/<tensor>/... and channelwise/<tensor>/... of the node; without values,
  /// count 0 and NaN. Call it once; add nothing afterwards.
  void finish(Frame& frame, const std::string& tensor, int64_t node);

 private:
  void open(int worker);

  TensorStatistics statistics_;
};

/// The statistics of a weight or any other tensor [..., K], channels innermost, as one chunk.
void track_tensor(View<const float> values, const StatisticKinds& kinds, Frame& frame,
                  const std::string& tensor, int64_t node);

}  // namespace quantdyn
