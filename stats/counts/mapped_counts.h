// Counts of two taps at once, where one shows what a map makes of the other's values.
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
/// for both (see MappedCells): a count's store is what counting costs.
///
/// Cells wait in a table until there are many of a channel, whose counts are then fetched once.
class MappedCounts {
 public:
  /// Whether a cell's place fits into the table, and groups of channels are not mostly empty.
  static bool pays(int64_t channels, const LogBins& bins);
  MappedCounts(int64_t channels, LogBins bins, const TapMap& map);

  /// Tiles of all channels; each is followed by that of the map's values of the same rows.
  void add_source(const Tile& z);
  void add_mapped(const Tile& y);
  void merge(MappedCounts&& other);
  /// The counts of z and of y. Once, and nothing is added afterwards. Error where a channel has
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
  Tensor<int32_t> turns_;  // by channel: -1 where the map never rises
  GroupedCounts counts_;
  int64_t rows_ = 0;         // values seen of every channel
  int64_t capacity_ = 0;     // of places_, in pairs of rows
  int64_t waiting_ = 0;      // pairs that are not counted yet
  Tensor<uint16_t> places_;  // as kernels::PlaceTable has them
};

}  // namespace quantdyn
