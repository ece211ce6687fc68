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

/// The counts of a wide tensor leave the cache between two chunks, and most of the time goes into
/// fetching them back. So recent counts are small, and those of neighbouring channels, which mostly
/// fall into the same cells, share cache lines.
class GroupedCounts {
 public:
  GroupedCounts(int64_t channels, int64_t cells) : channels_(channels), cells_(cells) {}

  /// The most rows that recent() has room for at once.
  static constexpr int64_t most_rows = 65535;
  /// Counts to which up to `rows` rows may be added now: [channels / kernels::channel_group, cells,
  /// kernels::channel_group], channels rounded up.
  uint16_t* recent(int64_t rows);
  /// Adds counts by cell, as if the channel had shown these values too.
  void add(int64_t channel, std::span<const uint64_t> counts);
  void merge(const GroupedCounts& other);
  /// Adds those of all ranks, which call it together.
  void merge_ranks();
  /// Counts by cell, of one channel or of all.
  std::vector<uint64_t> of_channel(int64_t channel) const;
  std::vector<uint64_t> of_all() const;

 private:
  void keep(const GroupedCounts& from);
  void make_kept();

  int64_t channels_, cells_;
  int64_t recent_rows_ = 0;  // upper bound of every recent count
  Tensor<uint16_t> recent_;  // empty if nothing has been counted
  Tensor<uint32_t> kept_;    // [channels, cells], earlier recent counts; empty if there are none
};

}  // namespace quantdyn
