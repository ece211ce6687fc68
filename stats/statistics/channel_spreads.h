// The first four moments and the ends of every channel, in one pass and in double precision.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "framework/base/state.h"
#include "framework/base/tensor.h"
#include "framework/base/threads.h"
#include "framework/graph/channel_map.h"
#include "framework/graph/tap.h"
#include "stats/kernels/kernels.h"
#include "stats/kernels/spread.h"

namespace quantdyn {

/// What one worker sees of a tensor. Sums start anew in every chunk and are combined by ChunkTree:
/// the same bits for any number of workers, any cut into tiles and any batch of whole chunks.
class alignas(64) ChannelSpreads {
 public:
  explicit ChannelSpreads(int64_t channels);

  /// False if a channel of the tile has met a NaN or an infinity in this chunk.
  bool add(const Tile& tile);
  /// The same, and adds the activated tile to `activated`; `activation` must not be none. False if
  /// either has met one.
  bool add(const Tile& tile, FusedActivation activation, ChannelSpreads& activated);
  /// Whether a channel's values in the open chunk are all finite.
  bool is_finite(int64_t channel) const { return std::isfinite(sum_[channel]); }
  void end_chunk(int64_t chunk);
  /// Merges what another worker was shown.
  void merge(ChannelSpreads&& other);
  /// All that merge() takes.
  void visit_state(StateVisitor state);
  /// By channel; count 0 if nothing was shown. Call it once; add nothing afterwards.
  std::vector<Spread> finish();
  /// The ends of the values that are not NaN; minimum > maximum if there are none.
  float minimum(int64_t channel) const { return minimum_[channel]; }
  float maximum(int64_t channel) const { return maximum_[channel]; }

 private:
  void begin_channels(const Tile& tile, FusedActivation activation);
  MomentSums sums_from(int64_t channel);
  bool are_finite(const Tile& tile) const;
  Tensor<double> chunk_spreads();

  int64_t channels_;
  Tensor<double> rows_;  // of the open chunk, by channel; 0: nothing yet
  Tensor<double> shift_, sum_, square_, cube_, fourth_, absolute_;  // of the open chunk
  Tensor<float> minimum_, maximum_;                                 // of everything
  Tensor<double> spare_;            // memory of a merged part of tree_, to be reused
  ChunkTree<Tensor<double>> tree_;  // of spreads, [6, padded channels]
};

/// Watches a tap: the spread of each of its channels.
class SpreadObserver final : public Observer {
 public:
  explicit SpreadObserver(int64_t channels)
      : workers_(static_cast<size_t>(worker_count()), ChannelSpreads(channels)) {}

  void add(const Tile& tile) override { workers_[tile.worker].add(tile); }
  void end_chunk(int64_t chunk, int worker) override { workers_[worker].end_chunk(chunk); }
  /// By channel; count 0 if nothing was shown, mean NaN after a NaN or an infinity.
  std::vector<Spread> spreads() const;

 private:
  std::vector<ChannelSpreads> workers_;
};

}  // namespace quantdyn
