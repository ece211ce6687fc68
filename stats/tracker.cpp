#include "stats/tracker.h"

#include <algorithm>
#include <cassert>

namespace quantdyn {

Tracker::Tracker(int64_t channels, int workers, StatisticKinds kinds)
    : channels_(channels), kinds_(std::move(kinds)), workers_(static_cast<size_t>(workers)) {}

Tracker::Worker& Tracker::open(int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  if (mine.statistics.empty())
    for (const StatisticKind& kind : kinds_) {
      mine.statistics.push_back(kind.make(channels_));
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

void observe_tensor(View<const float> values, Observer& observer, int64_t chunk, int worker) {
  constexpr int64_t tile_values = 4096;  // 16 KB, to be read from the cache by every statistic
  const int64_t channels = values.shape.channels();
  const int64_t rows = values.shape.rows();
  const int64_t at_once = std::max<int64_t>(tile_values / std::max<int64_t>(channels, 1), 1);
  for (int64_t row = 0; row < rows; row += at_once)
    observer.add({values.data + row * channels, std::min(at_once, rows - row), channels, channels,
                  row, 0, chunk, worker});
  observer.end_chunk(chunk, worker);
}

void track_tensor(View<const float> values, const StatisticKinds& kinds, Frame& frame,
                  const std::string& tensor, int64_t node) {
  Tracker tracker(values.shape.channels(), 1, kinds);
  observe_tensor(values, tracker);
  tracker.finish(frame, tensor, node);
}

}  // namespace quantdyn
