#include "layers/chunk_sums.h"

#include <cassert>

#include "framework/base/ranks.h"

namespace quantdyn {

std::vector<double> chunk_sums(
    int64_t images, int64_t size,
    const std::function<void(const Chunk& chunk, std::span<double> sums)>& work) {
  using Sums = std::vector<double>;
  assert(images >= 1);
  const auto merge = [](Sums& left, Sums&& right) {
    for (size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  };
  const BatchShare* const share = shared_batch();
  const int64_t first_chunk = share ? share->first / images_per_chunk : 0;
  std::vector<ChunkTree<Sums>> trees(static_cast<size_t>(worker_count()));
  parallel_chunks(images, [&](const Chunk& chunk) {
    Sums sums(static_cast<size_t>(size));
    work(chunk, sums);
    trees[static_cast<size_t>(chunk.worker)].add(first_chunk + chunk.index, std::move(sums), merge);
  });
  for (size_t worker = 1; worker < trees.size(); ++worker)
    trees[0].absorb(std::move(trees[worker]), merge);
  if (!share) return trees[0].finish(merge);
  Sums own, out(static_cast<size_t>(size));
  for (const Sums& node : trees[0].take_nodes()) own.insert(own.end(), node.begin(), node.end());
  join_nodes(own.data(), size, images_per_chunk, out.data());
  return out;
}

}  // namespace quantdyn
