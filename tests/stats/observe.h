// Shows arrays to observers as a plan would: by batches, chunks, tiles and workers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "framework/base/threads.h"
#include "framework/graph/tap.h"
#include "framework/h5/frame.h"

namespace quantdyn {

/// How images are cut up: what no result may depend on, unless it says so.
struct Cut {
  int64_t batch = 8;  ///< images, a multiple of 8
  int workers = 1;
  int64_t tile_rows = 7;
  int64_t tile_channels = 1000;
};

/// Calls visit(tile) for every tile of x [images, rows, channels] and end(chunk, worker) for
/// chunks; each worker has a contiguous part of every batch, and the workers run one after the
/// other, last first.
template <typename Visit, typename End>
void cut_up(const std::vector<float>& x, int64_t rows, int64_t channels, const Cut& cut,
            const Visit& visit, const End& end) {
  const int64_t images = static_cast<int64_t>(x.size()) / (rows * channels);
  for (int64_t batch = 0; batch < images; batch += cut.batch) {
    const int64_t chunks = chunk_count(std::min(cut.batch, images - batch));
    for (int worker = cut.workers - 1; worker >= 0; --worker) {
      for (int64_t i = chunks * worker / cut.workers; i < chunks * (worker + 1) / cut.workers;
           ++i) {
        const int64_t chunk = batch / images_per_chunk + i;
        const int64_t first = chunk * images_per_chunk;
        const int64_t chunk_rows = std::min(images_per_chunk, images - first) * rows;
        for (int64_t row = 0; row < chunk_rows; row += cut.tile_rows)
          for (int64_t c = 0; c < channels; c += cut.tile_channels)
            visit(Tile{x.data() + (first * rows + row) * channels + c,
                       std::min(cut.tile_rows, chunk_rows - row),
                       std::min(cut.tile_channels, channels - c), channels, row, c, chunk, worker});
        end(chunk, worker);
      }
    }
  }
}

inline std::vector<float> random_values(int64_t count, float mean = 0, float std = 1) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(mean, std);
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = normal(generator);
  return out;
}

inline const std::vector<double>& doubles(const Frame& frame, const std::string& path) {
  return std::get<std::vector<double>>(frame.arrays().at(path).values);
}
inline const std::vector<uint64_t>& counts(const Frame& frame, const std::string& path) {
  return std::get<std::vector<uint64_t>>(frame.arrays().at(path).values);
}

/// Whether two frames hold the same arrays to the last bit; NaN equals NaN.
inline bool same_bits(const Frame& a, const Frame& b) {
  const auto equal = [](const auto& left, const auto& right) {
    const auto bytes = [](const auto& values) {
      const auto* data = reinterpret_cast<const unsigned char*>(values.data());
      return std::vector<unsigned char>(data, data + values.size() * sizeof(values[0]));
    };
    return bytes(left) == bytes(right);
  };
  if (a.arrays().size() != b.arrays().size()) return false;
  for (const auto& [path, array] : a.arrays()) {
    const auto found = b.arrays().find(path);
    if (found == b.arrays().end() || found->second.values.index() != array.values.index())
      return false;
    if (array.values.index() == 0 ? !equal(doubles(a, path), doubles(b, path))
                                  : !equal(counts(a, path), counts(b, path)))
      return false;
  }
  return true;
}

}  // namespace quantdyn
