// Counts of values by channel and bin: what one worker fills, chunk by chunk.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "stats/counts/grouped_counts.h"
#include "stats/kernels/log_bins.h"

namespace quantdyn {

class ChannelCounts {
 public:
  ChannelCounts(int64_t channels, LogBins bins);

  const LogBins& bins() const { return bins_; }
  /// Throws Error if a channel would hold more than 2^32 - 1 values.
  void add(const Tile& tile);
  /// Adds counts by bin, as if the channel had shown these values too.
  void add(int64_t channel, std::span<const uint64_t> counts);
  void merge(const ChannelCounts& other);
  /// Adds those of all ranks, which call it together.
  void merge_ranks();
  /// By bin.
  std::vector<uint64_t> of_channel(int64_t channel) const { return counts_.of_channel(channel); }
  std::vector<uint64_t> of_layer() const { return counts_.of_all(); }
  /// The counts of the activated values, exactly as if they had been counted.
  ChannelCounts of_activation(FusedActivation activation) const;

 private:
  void add_rows(int64_t channel, int64_t rows);

  LogBins bins_;
  int64_t channels_;
  GroupedCounts counts_;
  Tensor<int64_t> rows_;  // values seen, by channel
};

}  // namespace quantdyn
