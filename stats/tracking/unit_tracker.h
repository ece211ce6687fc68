// Statistics of all taps of one unit, from as few of the taps' values as possible.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "framework/h5/frame.h"
#include "stats/counts/mapped_counts.h"
#include "stats/tracking/tensor_statistics.h"

namespace quantdyn {

/// What the taps of a unit show, and how their values follow from one another.
struct UnitValues {
  int64_t channels;
  std::vector<TapKind> taps;
  /// Computes norm from conv. If set, a worker shows each tile of conv right before the tile of
  /// norm with the same rows.
  std::optional<TapMap> norm_of_conv;
  /// Computes output from norm, tile by tile.
  std::optional<FusedActivation> output_of_norm;
};

/// Takes the chosen statistics of all values that a unit's taps show, with the same bits as a
/// Tracker at each tap, for any number of workers. One count gives the bins of conv and norm
/// (MappedCounts) and, with an activation, of output; norm's moments also feed output's.
///
///   UnitTracker tracker(values, worker_count(), kinds);
///   for (TapKind kind : values.taps) tap(kind).after.push_back(&tracker.observer(kind));
///   do { ... run ... } while (tracker.another_pass());
///   tracker.finish(frame, unit);
class UnitTracker {
 public:
  /// `over_ranks`: each rank shows some of the values, whole chunks by their index among all.
  UnitTracker(const UnitValues& values, int workers, const StatisticKinds& kinds,
              bool over_ranks = false);
  UnitTracker(const UnitTracker&) = delete;
  UnitTracker& operator=(const UnitTracker&) = delete;

  /// The observer for a tap of the unit; owned by this object.
  Observer& observer(TapKind kind) { return *taps_[static_cast<size_t>(kind)]; }
  /// Call it when all values have been shown; returns whether a statistic needs them again.
  bool another_pass();
  /// Writes layerwise/<tap>/... and channelwise/<tap>/... of the unit's row. Call it once; add
  /// nothing afterwards.
  void finish(Frame& frame, int64_t row);

 private:
  class TapObserver final : public Observer {
   public:
    TapObserver(UnitTracker& unit, TapKind kind, int workers, const StatisticKinds& kinds)
        : unit_(unit),
          kind_(kind),
          statistics(TensorTraits{unit.channels_}, workers, kinds, unit.over_ranks_) {}
    void add(const Tile& tile) override { unit_.add(kind_, statistics, tile); }
    void end_chunk(int64_t chunk, int worker) override;

   private:
    UnitTracker& unit_;
    const TapKind kind_;

   public:
    TensorStatistics statistics;
  };
  struct alignas(64) Worker {
    bool is_open = false;
    std::optional<MappedCounts> counts;  // of conv and norm
  };

  std::optional<TapObserver>& tap(TapKind kind) { return taps_[static_cast<size_t>(kind)]; }
  void open(int worker);
  void add(TapKind kind, TensorStatistics& statistics, const Tile& tile);
  void merge_workers();

  const int64_t channels_;
  const bool over_ranks_;
  std::array<std::optional<TapObserver>, tap_kinds> taps_;
  std::optional<TapMap> norm_of_conv_;  // set if one count serves both
  std::optional<FusedActivation> output_of_norm_;
  std::vector<Worker> workers_;
  bool is_merged_ = false;
};

}  // namespace quantdyn
