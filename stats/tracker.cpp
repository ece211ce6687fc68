#include "stats/tracker.h"

#include <cassert>

namespace quantdyn {

Tracker::Tracker(const TensorTraits& traits, int workers, StatisticKinds kinds)
    : traits_(traits), kinds_(std::move(kinds)), workers_(static_cast<size_t>(workers)) {}

Tracker::Worker& Tracker::open(int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  if (mine.statistics.empty())
    for (const StatisticKind& kind : kinds_) {
      mine.statistics.push_back(kind.make(traits_));
      if (follows_ && mine.statistics.back()->can_go_behind()) mine.statistics.back().reset();
    }
  return mine;
}

void Tracker::follow(Tracker& source, Activation activation) {
  follows_ = true;
  source.followers_.emplace_back(this, activation);
}

void Tracker::hand_over(const Worker& finished) {
  for (const auto& [follower, activation] : followers_) {
    Worker& to = follower->open(0);
    for (size_t i = 0; i < to.statistics.size(); ++i)
      if (!to.statistics[i]) to.statistics[i] = finished.statistics[i]->behind(activation);
  }
}

void Tracker::add(const Tile& tile) {
  Worker& mine = open(tile.worker);
  assert(mine.open_chunk == -1 || mine.open_chunk == tile.chunk);
  mine.open_chunk = tile.chunk;
  for (const auto& statistic : mine.statistics)
    if (statistic) statistic->add(tile);
}

void Tracker::end_chunk(int64_t chunk, int worker) {
  Worker& mine = open(worker);
  for (const auto& statistic : mine.statistics)
    if (statistic) statistic->end_chunk(chunk);
  mine.open_chunk = -1;
}

void Tracker::finish(Frame& frame, const std::string& tensor, int64_t node) {
  Worker& first = open(0);
  for (size_t worker = 1; worker < workers_.size(); ++worker) {
    for (size_t i = 0; i < workers_[worker].statistics.size(); ++i)
      if (workers_[worker].statistics[i])
        first.statistics[i]->merge(std::move(*workers_[worker].statistics[i]));
    workers_[worker].statistics.clear();
  }
  hand_over(first);
  for (const auto& statistic : first.statistics) statistic->save(frame, tensor, node);
  first.statistics.clear();  // a net's counters and its frame need not be in memory together
}

void track_tensor(View<const float> values, const StatisticKinds& kinds, Frame& frame,
                  const std::string& tensor, int64_t node) {
  Tracker tracker(values.shape.channels(), 1, kinds);
  observe_tensor(values, tracker);
  tracker.finish(frame, tensor, node);
}

}  // namespace quantdyn
