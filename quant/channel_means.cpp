#include "quant/channel_means.h"

#include <limits>
#include <utility>

namespace quantdyn {
namespace {

void merge(std::vector<double>& left, std::vector<double>&& right) {
  for (size_t i = 0; i < left.size(); ++i) left[i] += right[i];
}

}  // namespace

ChannelMeans::ChannelMeans(int64_t channels)
    : channels_(channels), workers_(static_cast<size_t>(worker_count())) {}

void ChannelMeans::add(const Tile& tile) {
  std::vector<double>& sum = workers_[tile.worker].sum;
  if (sum.empty()) sum.resize(static_cast<size_t>(2 * channels_));
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t c = 0; c < tile.channels; ++c)
      sum[tile.first_channel + c] += tile.values[r * tile.row_stride + c];
  for (int64_t c = 0; c < tile.channels; ++c)
    sum[channels_ + tile.first_channel + c] += static_cast<double>(tile.rows);
}

void ChannelMeans::end_chunk(int64_t chunk, int worker) {
  Worker& mine = workers_[worker];
  if (mine.sum.empty()) return;
  mine.tree.add(chunk, std::exchange(mine.sum, {}), merge);
}

std::vector<double> ChannelMeans::finish() {
  ChunkTree<std::vector<double>>& all = workers_[0].tree;
  for (size_t w = 1; w < workers_.size(); ++w) all.absorb(std::move(workers_[w].tree), merge);
  if (all.empty())
    return std::vector<double>(static_cast<size_t>(channels_),
                               std::numeric_limits<double>::quiet_NaN());
  std::vector<double> out = all.finish(merge);
  for (int64_t c = 0; c < channels_; ++c) out[c] /= out[channels_ + c];
  out.resize(static_cast<size_t>(channels_));
  return out;
}

}  // namespace quantdyn
