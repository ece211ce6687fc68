#include "stats/grouped_counts.h"

#include <cassert>

namespace quantdyn {

GroupedCounts::GroupedCounts(int64_t channels, int64_t cells)
    : cells_(cells), recent_(Shape{padded_channels(channels).elements() * cells}) {}

uint16_t* GroupedCounts::recent(int64_t rows) {
  assert(rows <= most_rows);
  if (recent_rows_ + rows > most_rows) keep_recent();
  recent_rows_ += rows;
  return recent_.data();
}

void GroupedCounts::keep_recent() {
  if (kept_.empty()) kept_ = Tensor<uint32_t>(recent_.shape());
  for (int64_t i = 0; i < recent_.elements(); ++i) kept_[i] += recent_[i];
  recent_.fill(0);
  recent_rows_ = 0;
}

void GroupedCounts::add(int64_t channel, int64_t cell, uint64_t count) {
  if (count == 0) return;
  if (kept_.empty()) kept_ = Tensor<uint32_t>(recent_.shape());
  kept_[place(channel, cell)] += static_cast<uint32_t>(count);
}

void GroupedCounts::merge(const GroupedCounts& other) {
  keep_recent();
  for (int64_t i = 0; i < kept_.elements(); ++i) {
    kept_[i] += other.recent_[i];
    if (!other.kept_.empty()) kept_[i] += other.kept_[i];
  }
}

int64_t GroupedCounts::place(int64_t channel, int64_t cell) const {
  const int64_t lane = channel % kernels::channel_group;
  return (channel - lane) * cells_ + cell * kernels::channel_group + lane;
}

uint64_t GroupedCounts::count(int64_t channel, int64_t cell) const {
  const int64_t at = place(channel, cell);
  return uint64_t{recent_[at]} + (kept_.empty() ? 0 : kept_[at]);
}

}  // namespace quantdyn
