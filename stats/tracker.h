// The observer that feeds statistics from one tap, and the same for a plain tensor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/frame.h"
#include "framework/tap.h"
#include "framework/tensor.h"
#include "stats/statistic.h"

namespace quantdyn {

/// Takes the chosen statistics of everything one tap shows, the same bits for any number of
/// workers.
///
///   Tracker tracker(channels, worker_count(), kinds);   // one for each tap
///   tap.after.push_back(&tracker);                      // ... run ...
///   tracker.finish(frame, "output", node);
class Tracker final : public Observer {
 public:
  Tracker(const TensorTraits& traits, int workers, StatisticKinds kinds);
  Tracker(int64_t channels, int workers, StatisticKinds kinds)
      : Tracker(TensorTraits{channels}, workers, std::move(kinds)) {}

  /// This tap will show what `activation` makes of the values that the source's tap shows. What can
  /// be told from the source's statistics is not gathered again: the source's finish(), which must
  /// be first, hands it over. To be called ahead of all add().
  void follow(Tracker& source, Activation activation);
  /// Thread-safe for tiles of different workers.
  void add(const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// Merges the workers and writes layerwise/<tensor>/... and channelwise/<tensor>/... of the node;
  /// a tap that showed nothing has count 0 and NaN. Once, and nothing is added afterwards.
  void finish(Frame& frame, const std::string& tensor, int64_t node);

 private:
  struct alignas(64) Worker {
    std::vector<std::unique_ptr<Statistic>>
        statistics;  // made by the worker itself when first used; null: told by the source
    int64_t open_chunk = -1;
  };
  Worker& open(int worker);
  void hand_over(const Worker& finished);

  TensorTraits traits_;
  StatisticKinds kinds_;
  std::vector<Worker> workers_;
  bool follows_ = false;
  std::vector<std::pair<Tracker*, Activation>> followers_;
};

/// The statistics of a weight or any other tensor [..., K], channels innermost, as one chunk.
void track_tensor(View<const float> values, const StatisticKinds& kinds, Frame& frame,
                  const std::string& tensor, int64_t node);

}  // namespace quantdyn
