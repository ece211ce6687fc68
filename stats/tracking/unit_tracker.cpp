#include "stats/tracking/unit_tracker.h"

#include <cassert>
#include <tuple>

namespace quantdyn {

UnitTracker::UnitTracker(const UnitValues& values, int workers, const StatisticKinds& kinds,
                         bool over_ranks)
    : channels_(values.channels),
      over_ranks_(over_ranks),
      output_of_norm_(values.output_of_norm),
      workers_(static_cast<size_t>(workers)) {
  for (TapKind kind : values.taps) tap(kind).emplace(*this, kind, workers, kinds);
  assert(!values.norm_of_conv || (tap(TapKind::conv) && tap(TapKind::norm)));
  assert(!output_of_norm_ || (tap(TapKind::norm) && tap(TapKind::output)));
  if (values.norm_of_conv && tap(TapKind::norm)->statistics.needs_counts() &&
      MappedCounts::pays(channels_, TensorTraits{channels_}.bins))
    norm_of_conv_ = values.norm_of_conv;
}

void UnitTracker::TapObserver::end_chunk(int64_t chunk, int worker) {
  if (!unit_.is_merged_) unit_.open(worker);
  statistics.end_chunk(chunk, worker);
}

/// Called by the worker itself, so that it gathers in its own memory.
void UnitTracker::open(int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  if (mine.is_open) return;
  mine.is_open = true;
  const Counting of_map = norm_of_conv_ ? Counting::told : Counting::own;
  if (norm_of_conv_) mine.counts.emplace(channels_, TensorTraits{channels_}.bins, *norm_of_conv_);
  if (auto& conv = tap(TapKind::conv)) conv->statistics.open(worker, of_map);
  if (auto& norm = tap(TapKind::norm)) norm->statistics.open(worker, of_map);
  if (auto& output = tap(TapKind::output)) {
    if (output_of_norm_)
      output->statistics.open(worker, tap(TapKind::norm)->statistics, *output_of_norm_);
    else
      output->statistics.open(worker, Counting::own);
  }
}

void UnitTracker::add(TapKind kind, TensorStatistics& statistics, const Tile& tile) {
  if (is_merged_) return statistics.add(tile);
  open(tile.worker);
  statistics.add(tile);
  if (!norm_of_conv_) return;
  MappedCounts& counts = *workers_[static_cast<size_t>(tile.worker)].counts;
  if (kind == TapKind::conv) counts.add_source(tile);
  if (kind == TapKind::norm) counts.add_mapped(tile);
}

void UnitTracker::merge_workers() {
  is_merged_ = true;
  open(0);
  for (auto& tap : taps_)
    if (tap) tap->statistics.merge_workers();
  if (norm_of_conv_) {
    MappedCounts& all = *workers_.front().counts;
    for (size_t i = 1; i < workers_.size(); ++i)
      if (workers_[i].counts) all.merge(std::move(*workers_[i].counts));
    if (over_ranks_) all.merge_ranks();
    std::tie(tap(TapKind::conv)->statistics.counts(), tap(TapKind::norm)->statistics.counts()) =
        all.split();
  }
  workers_.clear();
  if (!output_of_norm_) return;
  if (const auto& counts = tap(TapKind::norm)->statistics.counts())
    tap(TapKind::output)->statistics.counts() = counts->of_activation(*output_of_norm_);
}

bool UnitTracker::another_pass() {
  if (!is_merged_) merge_workers();
  bool again = false;
  for (auto& tap : taps_)
    if (tap) again |= tap->statistics.another_pass();
  return again;
}

void UnitTracker::finish(Frame& frame, int64_t row) {
  if (!is_merged_) {
    [[maybe_unused]] const bool again = another_pass();
    assert(!again);
  }
  for (TapKind kind : {TapKind::conv, TapKind::norm, TapKind::output})
    if (auto& one = tap(kind)) one->statistics.save(frame, to_string(kind), row);
}

}  // namespace quantdyn
