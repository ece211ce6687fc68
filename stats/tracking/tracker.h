// The observer that feeds statistics from one tap, and the same for a plain tensor.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/graph/tap.h"
#include "framework/h5/frame.h"
#include "stats/counts/mapped_counts.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {

/// Takes the chosen statistics of everything one tap shows, the same bits for any number of
/// workers.
///
///   Tracker tracker(channels, worker_count(), kinds);   // one for each tap
///   tap.after.push_back(&tracker);
///   do { ... run ... } while (tracker.another_pass());
///   tracker.finish(frame, "output", node);
class Tracker final : public Observer {
 public:
  Tracker(const TensorTraits& traits, int workers, StatisticKinds kinds);
  Tracker(int64_t channels, int workers, StatisticKinds kinds)
      : Tracker(TensorTraits{channels}, workers, std::move(kinds)) {}

  /// This tap will show what `activation` makes of the values that the source's tap shows, tile by
  /// tile. The source, which has the same kinds, gathers what it can for both, and its
  /// another_pass() or finish() must be called first. To be called ahead of all add().
  void follow(Tracker& source, Activation activation);
  /// The same of a map: each tile that the source is shown is followed by that of the map's values
  /// of the same rows, before the worker shows the source another.
  void follow(Tracker& source, const TapMap& map);
  /// Thread-safe for tiles of different workers.
  void add(const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// All values have been shown; returns whether a statistic needs them shown again.
  bool another_pass();
  /// Writes layerwise/<tensor>/... and channelwise/<tensor>/... of the node; a tap that showed
  /// nothing has count 0 and NaN. Once, and nothing is added afterwards.
  void finish(Frame& frame, const std::string& tensor, int64_t node);

 private:
  struct alignas(64) Worker {
    // Made by the worker itself when first used.
    bool is_open = false;
    std::vector<std::unique_ptr<Statistic>> statistics;
    std::vector<Statistic*> shown;  // of these, those that the source does not feed
    // Where a kind needs them: of these values, or with those of the follower's map.
    std::optional<ChannelCounts> counts;
    std::optional<MappedCounts> mapped_counts;
    int64_t open_chunk = -1;
  };
  Worker& open(int worker);
  void merge_workers();

  TensorTraits traits_;
  StatisticKinds kinds_;
  bool needs_counts_ = false;
  std::vector<Worker> workers_;
  bool is_merged_ = false;
  // Whom this one follows: either tells it its counts. The map's source is told of its tiles.
  Tracker* activation_source_ = nullptr;
  Activation activation_ = Activation::none;
  Tracker* map_source_ = nullptr;
  // And who follows it.
  std::vector<Tracker*> activation_followers_;
  Tracker* map_follower_ = nullptr;
  std::optional<TapMap> map_;
  std::vector<std::unique_ptr<Refinement>> refinements_;
};

/// The statistics of a weight or any other tensor [..., K], channels innermost, as one chunk.
void track_tensor(View<const float> values, const StatisticKinds& kinds, Frame& frame,
                  const std::string& tensor, int64_t node);

}  // namespace quantdyn
