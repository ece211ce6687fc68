#include "stats/counts/grouped_counts.h"

#include <algorithm>
#include <cassert>

#include "framework/base/ranks.h"

namespace quantdyn {

uint16_t* GroupedCounts::recent(int64_t rows) {
  assert(rows <= most_rows);
  if (recent_.empty())
    recent_ = Tensor<uint16_t>(Shape{padded_channels(channels_).elements() * cells_});
  if (recent_rows_ + rows > most_rows) {
    keep(*this);
    recent_.fill(0);
    recent_rows_ = 0;
  }
  recent_rows_ += rows;
  return recent_.data();
}

void GroupedCounts::make_kept() {
  if (kept_.empty()) kept_ = Tensor<uint32_t>(Shape{channels_, cells_});
}

/// Adds the recent counts of `from` to the kept counts here.
void GroupedCounts::keep(const GroupedCounts& from) {
  make_kept();
  const uint16_t* counts = from.recent_.data();
  for (int64_t first = 0; first < channels_; first += kernels::channel_group) {
    const int64_t lanes = std::min(kernels::channel_group, channels_ - first);
    for (int64_t cell = 0; cell < cells_; ++cell, counts += kernels::channel_group)
      for (int64_t lane = 0; lane < lanes; ++lane)
        kept_[(first + lane) * cells_ + cell] += counts[lane];
  }
}

void GroupedCounts::add(int64_t channel, std::span<const uint64_t> counts) {
  make_kept();
  uint32_t* to = kept_.data() + channel * cells_;
  for (uint64_t count : counts) *to++ += static_cast<uint32_t>(count);
}

void GroupedCounts::merge(const GroupedCounts& other) {
  if (other.recent_rows_ > 0) keep(other);
  if (other.kept_.empty()) return;
  make_kept();
  for (int64_t i = 0; i < kept_.elements(); ++i) kept_[i] += other.kept_[i];
}

void GroupedCounts::merge_ranks() {
  if (recent_rows_ > 0) keep(*this);
  recent_rows_ = 0;
  recent_ = {};
  make_kept();
  ranks().add_up(kept_.values());
}

std::vector<uint64_t> GroupedCounts::of_channel(int64_t channel) const {
  std::vector<uint64_t> out(static_cast<size_t>(cells_));
  if (!kept_.empty()) std::copy_n(kept_.data() + channel * cells_, cells_, out.data());
  if (recent_rows_ == 0) return out;
  const int64_t lane = channel % kernels::channel_group;
  const uint16_t* from = recent_.data() + (channel - lane) * cells_ + lane;
  for (uint64_t& count : out) {
    count += *from;
    from += kernels::channel_group;
  }
  return out;
}

std::vector<uint64_t> GroupedCounts::of_all() const {
  std::vector<uint64_t> out(static_cast<size_t>(cells_));
  for (int64_t c = 0; c < channels_; ++c) {
    const std::vector<uint64_t> counts = of_channel(c);
    for (int64_t cell = 0; cell < cells_; ++cell) out[cell] += counts[cell];
  }
  return out;
}

}  // namespace quantdyn
