// All statistics of one tensor: what each worker gathers, then what follows from all values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/graph/tap.h"
#include "framework/h5/frame.h"
#include "stats/counts/channel_counts.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {

/// Who counts a tensor's values by bin, if a statistic needs it: own: the tensor's own workers;
/// told: the caller, who sets counts() after merge_workers().
enum class Counting { own, told };

/// The parts of Tracker and UnitTracker. Order of calls: open() by each worker, add() and
/// end_chunk(), merge_workers(), another_pass() and add() until another_pass() is false, save().
class TensorStatistics {
 public:
  /// `over_ranks`: all ranks take the statistics of one tensor, each of some of its values, and get
  /// those of all; they call merge_workers() and another_pass() together.
  TensorStatistics(const TensorTraits& traits, int workers, StatisticKinds kinds,
                   bool over_ranks = false);
  TensorStatistics(const TensorStatistics&) = delete;
  TensorStatistics& operator=(const TensorStatistics&) = delete;

  int workers() const { return static_cast<int>(workers_.size()); }
  bool needs_counts() const { return needs_counts_; }
  bool is_open(int worker) const { return workers_[static_cast<size_t>(worker)].is_open; }
  /// Makes the memory that a worker gathers in; called by the worker itself.
  void open(int worker, Counting counting);
  /// The same, for the values of `source` after `activation`. `source` has the same kinds and
  /// gathers what it can for both; the counts are told.
  void open(int worker, TensorStatistics& source, FusedActivation activation);

  /// Thread-safe for tiles of different workers.
  void add(const Tile& tile);
  void end_chunk(int64_t chunk, int worker);
  /// Merges all workers into worker 0, which must be open.
  void merge_workers();
  bool is_merged() const { return is_merged_; }
  /// The counts of all workers, after merge_workers().
  std::optional<ChannelCounts>& counts() { return workers_.front().counts; }
  /// Call it when counts() of all values are known; returns whether to show the values again.
  bool another_pass();
  /// Writes layerwise/<tensor>/... and channelwise/<tensor>/... of the node, and frees everything.
  void save(Frame& frame, const std::string& tensor, int64_t node);

 private:
  struct alignas(64) Worker {
    bool is_open = false;
    std::vector<std::unique_ptr<Statistic>> statistics;
    std::vector<Statistic*> shown;  // those of them that no source feeds
    std::optional<ChannelCounts> counts;
    int64_t open_chunk = -1;
  };

  void merge_ranks();

  TensorTraits traits_;
  StatisticKinds kinds_;
  bool over_ranks_;
  bool needs_counts_ = false, is_merged_ = false, is_refined_ = false;
  std::vector<Worker> workers_;
  std::vector<std::unique_ptr<Refinement>> refinements_;
};

}  // namespace quantdyn
