// The mean of every channel of what a tap shows.
#pragma once

#include <vector>

#include "framework/tap.h"
#include "framework/threads.h"

namespace quantdyn {

/// Sums in double, chunk by chunk and joined by ChunkTree: the same bits for any number of workers
/// and any batch that is a multiple of 8 images. A NaN or an infinity makes a mean so.
class ChannelMeans final : public Observer {
 public:
  explicit ChannelMeans(int64_t channels);

  void add(const Tile& tile) override;
  void end_chunk(int64_t chunk, int worker) override;
  /// By channel, NaN where nothing was shown. Once, and nothing is added afterwards.
  std::vector<double> finish();

 private:
  struct alignas(64) Worker {
    std::vector<double> sum;  // of the open chunk, by channel; the count of rows behind them
    ChunkTree<std::vector<double>> tree;
  };
  int64_t channels_;
  std::vector<Worker> workers_;
};

}  // namespace quantdyn
