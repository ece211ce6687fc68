#include "stats/tracking/tracker.h"

#include <cassert>
#include <tuple>

namespace quantdyn {

Tracker::Tracker(const TensorTraits& traits, int workers, StatisticKinds kinds)
    : traits_(traits), kinds_(std::move(kinds)), workers_(static_cast<size_t>(workers)) {
  for (const StatisticKind& kind : kinds_) needs_counts_ |= kind.derive || kind.refine;
}

Tracker::Worker& Tracker::open(int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  if (mine.is_open) return mine;
  mine.is_open = true;
  Worker* const source = activation_source_ ? &activation_source_->open(worker) : nullptr;
  for (const StatisticKind& kind : kinds_) {
    if (!kind.make) continue;
    std::unique_ptr<Statistic> fed;
    if (source) fed = source->statistics[mine.statistics.size()]->of_activation(activation_);
    const bool is_fed = fed != nullptr;
    mine.statistics.push_back(is_fed ? std::move(fed) : kind.make(traits_));
    if (!is_fed) mine.shown.push_back(mine.statistics.back().get());
  }
  for (Tracker* follower : activation_followers_) follower->open(worker);
  if (!needs_counts_ || activation_source_ || map_source_) return mine;
  if (map_follower_)
    mine.mapped_counts.emplace(traits_.channels, traits_.bins, *map_);
  else
    mine.counts.emplace(traits_.channels, traits_.bins);
  return mine;
}

void Tracker::follow(Tracker& source, Activation activation) {
  activation_source_ = &source;
  activation_ = activation;
  source.activation_followers_.push_back(this);
}

void Tracker::follow(Tracker& source, const TapMap& map) {
  if (!MappedCounts::pays(traits_.channels, traits_.bins)) return;
  map_source_ = &source;
  source.map_follower_ = this;
  source.map_ = map;
}

void Tracker::add(const Tile& tile) {
  if (is_merged_) {
    for (const auto& refinement : refinements_) refinement->add(tile);
    return;
  }
  Worker& mine = open(tile.worker);
  assert(mine.open_chunk == -1 || mine.open_chunk == tile.chunk);
  mine.open_chunk = tile.chunk;
  for (Statistic* statistic : mine.shown) statistic->add(tile);
  if (mine.counts) mine.counts->add(tile);
  if (mine.mapped_counts) mine.mapped_counts->add_source(tile);
  if (map_source_ && needs_counts_) map_source_->open(tile.worker).mapped_counts->add_mapped(tile);
}

void Tracker::end_chunk(int64_t chunk, int worker) {
  if (is_merged_) return;
  Worker& mine = open(worker);
  for (const auto& statistic : mine.statistics) statistic->end_chunk(chunk);
  mine.open_chunk = -1;
}

void Tracker::merge_workers() {
  is_merged_ = true;
  Worker& first = open(0);
  for (size_t i = 1; i < workers_.size(); ++i) {
    Worker& other = workers_[i];
    for (size_t s = 0; s < other.statistics.size(); ++s)
      first.statistics[s]->merge(std::move(*other.statistics[s]));
    if (other.counts) first.counts->merge(*other.counts);
    if (other.mapped_counts) first.mapped_counts->merge(std::move(*other.mapped_counts));
    other = {};
  }
  if (first.mapped_counts) {
    std::tie(first.counts, map_follower_->open(0).counts) = first.mapped_counts->split();
    first.mapped_counts.reset();
  }
  for (Tracker* follower : activation_followers_)
    if (first.counts) follower->open(0).counts = first.counts->of_activation(follower->activation_);
}

bool Tracker::another_pass() {
  bool again = false;
  if (is_merged_) {
    for (const auto& refinement : refinements_) again |= refinement->next_pass();
    return again;
  }
  merge_workers();
  for (const StatisticKind& kind : kinds_)
    if (kind.refine)
      refinements_.push_back(
          kind.refine({traits_, *workers_.front().counts}, static_cast<int>(workers_.size())));
  for (const auto& refinement : refinements_) again |= refinement->is_needed();
  return again;
}

void Tracker::finish(Frame& frame, const std::string& tensor, int64_t node) {
  if (!is_merged_) {
    [[maybe_unused]] const bool again = another_pass();
    assert(!again);
  }
  Worker& all = workers_.front();
  for (const auto& statistic : all.statistics) statistic->save(frame, tensor, node);
  for (const StatisticKind& kind : kinds_)
    if (kind.derive) kind.derive({traits_, *all.counts}, frame, tensor, node);
  for (const auto& refinement : refinements_) refinement->save(frame, tensor, node);
  all = {};  // a net's counters and its frame need not be in memory together
}

void track_tensor(View<const float> values, const StatisticKinds& kinds, Frame& frame,
                  const std::string& tensor, int64_t node) {
  Tracker tracker(values.shape.channels(), 1, kinds);
  do {
    observe_tensor(values, tracker);
  } while (tracker.another_pass());
  tracker.finish(frame, tensor, node);
}

}  // namespace quantdyn
