#include "stats/tracking/tracker.h"

#include <cassert>

namespace quantdyn {

void Tracker::open(int worker) {
  if (!statistics_.is_open(worker)) statistics_.open(worker, Counting::own);
}

void Tracker::add(const Tile& tile) {
  if (!statistics_.is_merged()) open(tile.worker);
  statistics_.add(tile);
}

void Tracker::end_chunk(int64_t chunk, int worker) {
  if (!statistics_.is_merged()) open(worker);
  statistics_.end_chunk(chunk, worker);
}

bool Tracker::another_pass() {
  if (!statistics_.is_merged()) {
    open(0);
    statistics_.merge_workers();
  }
  return statistics_.another_pass();
}

void Tracker::finish(Frame& frame, const std::string& tensor, int64_t node) {
  if (!statistics_.is_merged()) {
    [[maybe_unused]] const bool again = another_pass();
    assert(!again);
  }
  statistics_.save(frame, tensor, node);
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
