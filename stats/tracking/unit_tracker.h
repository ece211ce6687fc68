// Statistics of all taps of one unit, which are taken of as few of the taps' values as can be.
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
  /// Makes norm of conv. Then a worker shows each tile of conv right before that of norm of the
  /// same rows.
  std::optional<TapMap> norm_of_conv;
  /// Makes output of norm, tile by tile.
  std::optional<FusedActivation> output_of_norm;
};

/// Takes the chosen statistics of everything that the taps of a unit show, the same bits as a
/// Tracker at each and for any number of workers: one count tells the bins of conv and of norm
/// (MappedCounts) and, of an activation, those of output; norm's moments take output's along.
///
///   UnitTracker tracker(values, worker_count(), kinds);
///   for (TapKind kind : values.taps) tap(kind).after.push_back(&tracker.observer(kind));
///   do { ... run ... } while (tracker.another_pass());
///   tracker.finish(frame, unit);
class UnitTracker {
 public:
  UnitTracker(const UnitValues& values, int workers, const StatisticKinds& kinds);
  UnitTracker(const UnitTracker&) = delete;
  UnitTracker& operator=(const UnitTracker&) = delete;

  /// For a tap of the unit; this one's own.
  Observer& observer(TapKind kind) { return *taps_[static_cast<size_t>(kind)]; }
  /// All values have been shown; returns whether a statistic needs them shown again.
  bool another_pass();
  /// Writes layerwise/<tap>/... and channelwise/<tap>/... of the unit's row. Once, and nothing is
  /// added afterwards.
  void finish(Frame& frame, int64_t row);

 private:
  class TapObserver final : public Observer {
   public:
    TapObserver(UnitTracker& unit, TapKind kind, int workers, const StatisticKinds& kinds)
        : unit_(unit), kind_(kind), statistics(TensorTraits{unit.channels_}, workers, kinds) {}
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
  std::array<std::optional<TapObserver>, tap_kinds> taps_;
  std::optional<TapMap> norm_of_conv_;  // where one count for both is taken
  std::optional<FusedActivation> output_of_norm_;
  std::vector<Worker> workers_;
  bool is_merged_ = false;
};

}  // namespace quantdyn
