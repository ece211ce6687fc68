// Counts of values by channel and bin: what one worker fills, one chunk after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/channel_map.h"
#include "framework/tap.h"
#include "framework/tensor.h"
#include "stats/log_bins.h"

namespace quantdyn {

/// Channels rounded up, so that no two workers' arrays share a cache line.
inline Shape padded_channels(int64_t channels) { return {(channels + 15) / 16 * 16}; }

/// Between two chunks the counts of a wide tensor leave the cache, and fetching them back is what
/// counting costs there. So the counts that are added to are small, and those of neighbouring
/// channels, which mostly fall into the same bins, share the cache's lines.
class ChannelCounts {
 public:
  ChannelCounts(int64_t channels, LogBins bins);

  const LogBins& bins() const { return bins_; }
  /// Error where a channel would hold more than 2^32 - 1 values.
  void add(const Tile& tile);
  void merge(const ChannelCounts& other);
  uint64_t count(int64_t channel, int32_t bin) const;
  /// By bin.
  std::vector<uint64_t> of_channel(int64_t channel) const;
  std::vector<uint64_t> of_layer() const;
  /// The counts of what an activation makes of the same values, exactly as if it had been counted.
  ChannelCounts behind(Activation activation) const;

 private:
  int64_t place(int64_t channel, int32_t bin) const;
  void keep_recent();
  void check_size() const;

  LogBins bins_;
  int64_t channels_;
  int64_t recent_rows_ = 0;  // most that a recent count can hold
  Tensor<uint16_t> recent_;  // as kernels::count_channels has them
  Tensor<uint32_t> kept_;    // likewise, of what was recent before; empty while nothing was
  Tensor<int64_t> rows_;     // values seen, by channel
};

}  // namespace quantdyn
