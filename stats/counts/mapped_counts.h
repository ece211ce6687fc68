// Counts of two taps at once, where one shows the other's values after a map.
#pragma once

#include <cstdint>
#include <utility>

#include "framework/base/tensor.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "stats/counts/channel_counts.h"
#include "stats/counts/grouped_counts.h"
#include "stats/kernels/mapped_cells.h"

namespace quantdyn {

/// Counts z and y = map(z) by channel and bin, exactly as two ChannelCounts would, with one count
/// for both (see MappedCells): the store of a count takes most of the time.
///
/// Cells wait in a table until a channel has many of them; then its counts are fetched once.
class MappedCounts {
 public:
  /// Whether it pays: a cell's place fits into the table, and channel groups are not mostly empty.
  static bool pays(int64_t channels, const LogBins& bins);
  MappedCounts(int64_t channels, LogBins bins, const TapMap& map);

  /// Adds tiles of all channels. After each tile of z comes that of y for the same rows.
  void add_source(const Tile& z);
  void add_mapped(const Tile& y);
  void merge(MappedCounts&& other);
  /// Adds those of all ranks, which call it together.
  void merge_ranks();
  /// The counts of z and of y. Call it once; add nothing afterwards. Throws Error if a channel has
  /// more than 2^32 - 1 values.
  std::pair<ChannelCounts, ChannelCounts> split();

 private:
  kernels::PlaceTable next_places();
  void count_waiting();
  void make_room(int64_t pairs);
  Tensor<float> map_edges() const;
  void split_channel(int64_t c, const Tensor<float>& mapped_edges, ChannelCounts& source,
                     ChannelCounts& mapped) const;

  int64_t channels_;
  MappedCells cells_;
  TapMap map_;
  Tensor<int32_t> turns_;  // by channel: -1 if the map never increases
  GroupedCounts counts_;
  int64_t rows_ = 0;         // values seen per channel
  int64_t capacity_ = 0;     // of places_, in pairs of rows
  int64_t waiting_ = 0;      // pairs that are not counted yet
  Tensor<uint16_t> places_;  // see kernels::PlaceTable
};

}  // namespace quantdyn
