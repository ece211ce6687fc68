// Counts by channel and cell, laid out for the cache.
#pragma once

#include <cstdint>

#include "framework/tensor.h"
#include "stats/kernels.h"

namespace quantdyn {

/// Channels rounded up, so that no two workers' arrays share a cache line.
inline Shape padded_channels(int64_t channels) { return {(channels + 15) / 16 * 16}; }

/// Between two chunks the counts of a wide tensor leave the cache, and fetching them back is what
/// counting costs there. So the counts that are added to are small, and those of neighbouring
/// channels, which mostly fall into the same cells, share the cache's lines:
/// [channels / kernels::channel_group, cells, kernels::channel_group], channels rounded up.
class GroupedCounts {
 public:
  GroupedCounts(int64_t channels, int64_t cells);

  /// Of how many rows, at most, recent() has room at once.
  static constexpr int64_t most_rows = 65535;
  /// Where up to `rows` rows may be counted now, entry 0 being that of channel 0.
  uint16_t* recent(int64_t rows);
  void add(int64_t channel, int64_t cell, uint64_t count);
  void merge(const GroupedCounts& other);
  uint64_t count(int64_t channel, int64_t cell) const;

 private:
  int64_t place(int64_t channel, int64_t cell) const;
  void keep_recent();

  int64_t cells_;
  int64_t recent_rows_ = 0;  // most that a recent count can hold
  Tensor<uint16_t> recent_;
  Tensor<uint32_t> kept_;  // likewise, of what was recent before; empty while nothing was
};

}  // namespace quantdyn
