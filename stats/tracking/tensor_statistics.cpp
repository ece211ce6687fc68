#include "stats/tracking/tensor_statistics.h"

#include <algorithm>
#include <cassert>

#include "framework/base/ranks.h"
#include "framework/base/state_bytes.h"

namespace quantdyn {

TensorStatistics::TensorStatistics(const TensorTraits& traits, int workers, StatisticKinds kinds,
                                   bool over_ranks)
    : traits_(traits),
      kinds_(std::move(kinds)),
      over_ranks_(over_ranks && !is_alone()),
      needs_counts_(std::ranges::any_of(
          kinds_, [](const StatisticKind& kind) { return kind.derive || kind.refine; })),
      workers_(static_cast<size_t>(workers)) {}

void TensorStatistics::open(int worker, Counting counting) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  mine.is_open = true;
  for (const StatisticKind& kind : kinds_)
    if (kind.make) mine.statistics.push_back(kind.make(traits_));
  for (const auto& statistic : mine.statistics) mine.shown.push_back(statistic.get());
  if (needs_counts_ && counting == Counting::own)
    mine.counts.emplace(traits_.channels, traits_.bins);
}

void TensorStatistics::open(int worker, TensorStatistics& source, FusedActivation activation) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  const Worker& feeding = source.workers_[static_cast<size_t>(worker)];
  mine.is_open = true;
  for (const StatisticKind& kind : kinds_) {
    if (!kind.make) continue;
    std::unique_ptr<Statistic> fed =
        feeding.statistics[mine.statistics.size()]->of_activation(activation);
    const bool is_fed = fed != nullptr;
    mine.statistics.push_back(is_fed ? std::move(fed) : kind.make(traits_));
    if (!is_fed) mine.shown.push_back(mine.statistics.back().get());
  }
}

void TensorStatistics::add(const Tile& tile) {
  if (is_merged_) {
    for (const auto& refinement : refinements_) refinement->add(tile);
    return;
  }
  Worker& mine = workers_[static_cast<size_t>(tile.worker)];
  assert(mine.is_open && (mine.open_chunk == -1 || mine.open_chunk == tile.chunk));
  mine.open_chunk = tile.chunk;
  for (Statistic* statistic : mine.shown) statistic->add(tile);
  if (mine.counts) mine.counts->add(tile);
}

void TensorStatistics::end_chunk(int64_t chunk, int worker) {
  if (is_merged_) return;
  Worker& mine = workers_[static_cast<size_t>(worker)];
  for (const auto& statistic : mine.statistics) statistic->end_chunk(chunk);
  mine.open_chunk = -1;
}

void TensorStatistics::merge_workers() {
  is_merged_ = true;
  Worker& first = workers_.front();
  for (size_t i = 1; i < workers_.size(); ++i) {
    Worker& other = workers_[i];
    for (size_t s = 0; s < other.statistics.size(); ++s)
      first.statistics[s]->merge(std::move(*other.statistics[s]));
    if (other.counts) first.counts->merge(*other.counts);
    other = {};
  }
  if (over_ranks_) merge_ranks();
}

void TensorStatistics::merge_ranks() {
  Worker& first = workers_.front();
  State own;
  for (size_t s = 0; s < first.statistics.size(); ++s)
    first.statistics[s]->visit_state(StateVisitor::saving(own).group(std::to_string(s)));
  const std::vector<State> all = gather(own);
  for (int rank = 0; rank < ranks().count(); ++rank) {
    if (rank == ranks().rank()) continue;
    size_t s = 0;
    for (const StatisticKind& kind : kinds_) {
      if (!kind.make) continue;
      const std::unique_ptr<Statistic> other = kind.make(traits_);
      other->visit_state(
          StateVisitor::loading(all[static_cast<size_t>(rank)]).group(std::to_string(s)));
      first.statistics[s++]->merge(std::move(*other));
    }
  }
  if (first.counts) first.counts->merge_ranks();
}

bool TensorStatistics::another_pass() {
  bool again = false;
  if (is_refined_) {
    for (const auto& refinement : refinements_) {
      if (over_ranks_) ranks().add_up(refinement->counts());
      again |= refinement->next_pass();
    }
    return again;
  }
  is_refined_ = true;
  for (const StatisticKind& kind : kinds_)
    if (kind.refine) refinements_.push_back(kind.refine({traits_, *counts()}, workers()));
  for (const auto& refinement : refinements_) again |= refinement->is_needed();
  return again;
}

void TensorStatistics::save(Frame& frame, const std::string& tensor, int64_t node) {
  Worker& all = workers_.front();
  for (const auto& statistic : all.statistics) statistic->save(frame, tensor, node);
  for (const StatisticKind& kind : kinds_)
    if (kind.derive) kind.derive({traits_, *all.counts}, frame, tensor, node);
  for (const auto& refinement : refinements_) refinement->save(frame, tensor, node);
  refinements_.clear();
  all = {};  // a net's counters and its frame need not be in memory at the same time
}

}  // namespace quantdyn
