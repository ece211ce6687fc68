// The first four moments and the ends of every channel, in one pass and to a double's precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "framework/tap.h"
#include "framework/tensor.h"
#include "framework/threads.h"
#include "stats/kernels.h"

namespace quantdyn {

/// Mean and central sums of some values.
struct Spread {
  double count = 0, mean = 0;
  double deviations = 0;  ///< sum (x - mean)^2
  double cubes = 0;       ///< sum (x - mean)^3
  double fourths = 0;     ///< sum (x - mean)^4
  double absolute = 0;    ///< sum |x|

  /// Takes over other values. Pebay 2008, "Formulas for robust, one-pass parallel computation of
  /// covariances and arbitrary-order statistical moments" (SAND2008-6212), section 1; of the
  /// deviations that is Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm".
  void merge(const Spread& other);
  /// Adds the sums of values whose mean lies elsewhere to these, about this mean, which stays.
  void add_about_mean(const Spread& other);
  /// Of the population: deviations / count and its root.
  double variance() const { return deviations / count; }
  double standard_deviation() const { return std::sqrt(variance()); }
  /// m3 / m2^(3/2) and m4 / m2^2, m_k = sum (x - mean)^k / count; NaN where all values are equal.
  double skewness() const { return cubes / count / (variance() * standard_deviation()); }
  double kurtosis() const { return fourths / count / (variance() * variance()); }
};

/// Of several parts, in their order: the mean first, then the sums about it.
Spread pooled(std::span<const Spread> parts);

/// What one worker sees of a tensor. Sums start anew in every chunk and are combined by ChunkTree:
/// the same bits for any number of workers, any cut into tiles and any batch of whole chunks.
class alignas(64) ChannelSpreads {
 public:
  explicit ChannelSpreads(int64_t channels);

  /// False where a channel of the tile has met a NaN or an infinity in this chunk.
  bool add(const Tile& tile);
  /// Whether a channel's values in the open chunk are all finite.
  bool is_finite(int64_t channel) const { return std::isfinite(sum_[channel]); }
  void end_chunk(int64_t chunk);
  /// Takes over what another worker saw.
  void merge(ChannelSpreads&& other);
  /// By channel; their counts are 0 where nothing was seen. Once, and nothing is added afterwards.
  std::vector<Spread> finish();
  /// The ends of what is not NaN; minimum over maximum where nothing is.
  float minimum(int64_t channel) const { return minimum_[channel]; }
  float maximum(int64_t channel) const { return maximum_[channel]; }

 private:
  void begin_channels(const Tile& tile);
  MomentSums sums_from(int64_t channel);
  Spread chunk_spread(int64_t channel) const;

  int64_t channels_;
  Tensor<int64_t> rows_;  // of the open chunk, by channel; 0: nothing yet
  Tensor<double> shift_, sum_, square_, cube_, fourth_, absolute_;  // of the open chunk
  Tensor<float> minimum_, maximum_;                                 // of everything
  ChunkTree<std::vector<Spread>> tree_;
};

/// Watches a tap: the spread of each of its channels.
class SpreadObserver final : public Observer {
 public:
  explicit SpreadObserver(int64_t channels)
      : workers_(static_cast<size_t>(worker_count()), ChannelSpreads(channels)) {}

  void add(const Tile& tile) override { workers_[tile.worker].add(tile); }
  void end_chunk(int64_t chunk, int worker) override { workers_[worker].end_chunk(chunk); }
  /// By channel; a count of 0 where nothing was shown, a mean of NaN behind a NaN or an infinity.
  std::vector<Spread> spreads() const;

 private:
  std::vector<ChannelSpreads> workers_;
};

}  // namespace quantdyn
