#include "quant/ranges/recorder.h"

#include <algorithm>

#include "framework/base/threads.h"

namespace quantdyn {

Recorder::Recorder(const Shape& image)
    : image_(image), workers_(static_cast<size_t>(worker_count())) {}

void Recorder::add(const Tile& tile) {
  std::vector<Chunk>& chunks = workers_[tile.worker];
  if (chunks.empty() || chunks.back().index != tile.chunk)
    chunks.push_back({tile.chunk, std::vector<float>(
                                      static_cast<size_t>(images_per_chunk * image_.elements()))});
  Chunk& chunk = chunks.back();
  const int64_t channels = image_.channels();
  for (int64_t r = 0; r < tile.rows; ++r)
    std::copy_n(tile.values + r * tile.row_stride, tile.channels,
                chunk.values.data() + (tile.first_row + r) * channels + tile.first_channel);
  chunk.rows = std::max(chunk.rows, tile.first_row + tile.rows);
}

Tensor<float> Recorder::finish() {
  std::vector<Chunk> all;
  for (std::vector<Chunk>& chunks : workers_) {
    std::ranges::move(chunks, std::back_inserter(all));
    chunks.clear();
  }
  std::ranges::sort(all, {}, [](const Chunk& chunk) { return chunk.index; });
  int64_t images = 0;
  for (const Chunk& chunk : all) images += chunk.rows / image_.rows();
  Tensor<float> out(image_.batch_of(images));
  float* to = out.data();
  for (const Chunk& chunk : all)
    to = std::copy_n(chunk.values.data(), chunk.rows * image_.channels(), to);
  return out;
}

}  // namespace quantdyn
