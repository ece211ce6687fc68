#include "layers/chunk_sums.h"

#include <cassert>

namespace quantdyn {

std::vector<double> chunk_sums(
    int64_t images, int64_t size,
    const std::function<void(const Chunk& chunk, std::span<double> sums)>& work) {
  using Sums = std::vector<double>;
  assert(images >= 1);
  const auto merge = [](Sums& left, Sums&& right) {
    for (size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  };
  std::vector<ChunkTree<Sums>> trees(static_cast<size_t>(worker_count()));
  parallel_chunks(images, [&](const Chunk& chunk) {
    Sums sums(static_cast<size_t>(size));
    work(chunk, sums);
    trees[static_cast<size_t>(chunk.worker)].add(chunk.index, std::move(sums), merge);
  });
  for (size_t worker = 1; worker < trees.size(); ++worker)
    trees[0].absorb(std::move(trees[worker]), merge);
  return trees[0].finish(merge);
}

}  // namespace quantdyn
