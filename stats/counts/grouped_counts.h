// Counts by channel and cell, laid out for the cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/base/tensor.h"
#include "stats/kernels/kernels.h"

namespace quantdyn {

/// Channels rounded up, so that no two workers' arrays share a cache line.
inline Shape padded_channels(int64_t channels) { return {(channels + 15) / 16 * 16}; }

/// Between two chunks the counts of a wide tensor leave the cache, and fetching them back is what
/// counting costs there. So the counts that are added to are small, and those of neighbouring
/// channels, which mostly fall into the same cells, share the cache's lines.
class GroupedCounts {
 public:
  GroupedCounts(int64_t channels, int64_t cells) : channels_(channels), cells_(cells) {}

  /// Of how many rows, at most, recent() has room at once.
  static constexpr int64_t most_rows = 65535;
  /// Where up to `rows` rows may be counted now: [channels / kernels::channel_group, cells,
  /// kernels::channel_group], channels rounded up.
  uint16_t* recent(int64_t rows);
  /// As if a channel had had this many more values, by cell.
  void add(int64_t channel, std::span<const uint64_t> counts);
  void merge(const GroupedCounts& other);
  /// By cell: of one channel, of all.
  std::vector<uint64_t> of_channel(int64_t channel) const;
  std::vector<uint64_t> of_all() const;

 private:
  void keep(const GroupedCounts& from);
  void make_kept();

  int64_t channels_, cells_;
  int64_t recent_rows_ = 0;  // most that a recent count can hold
  Tensor<uint16_t> recent_;  // empty while nothing was counted
  Tensor<uint32_t> kept_;  // [channels, cells], of what was recent before; empty while nothing was
};

}  // namespace quantdyn
