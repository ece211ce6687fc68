#include "framework/base/ranks.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <optional>

namespace quantdyn {
namespace {

class Alone final : public Ranks {
 public:
  int rank() const override { return 0; }
  int count() const override { return 1; }
  std::vector<std::byte> gather(std::span<const std::byte> own, std::span<const int64_t>) override {
    return {own.begin(), own.end()};
  }
  void broadcast(std::vector<std::byte>&) override {}
  void abort(int status) override { std::_Exit(status); }
};

std::unique_ptr<Ranks>& current() {
  static std::unique_ptr<Ranks> ranks = std::make_unique<Alone>();
  return ranks;
}

std::optional<BatchShare>& current_share() {
  static std::optional<BatchShare> share;
  return share;
}

}  // namespace

Ranks& ranks() { return *current(); }
void set_ranks(std::unique_ptr<Ranks> ranks) {
  current() = ranks ? std::move(ranks) : std::make_unique<Alone>();
}

BatchShare share_of(int64_t images, int rank, int ranks) {
  const int64_t parts = share_count(images);
  const int64_t first = parts * rank / ranks * images_per_share;
  const int64_t end = std::min(images, parts * (rank + 1) / ranks * images_per_share);
  return {first, std::max<int64_t>(0, end - first), images};
}

SharedBatch::SharedBatch(const BatchShare& share) {
  assert(!current_share());
  if (!is_alone()) current_share() = share;
}
SharedBatch::~SharedBatch() { current_share().reset(); }

const BatchShare* shared_batch() { return current_share() ? &*current_share() : nullptr; }

std::vector<PartNode> nodes_of_parts(int64_t first, int64_t end) {
  std::vector<PartNode> out;
  while (first < end) {
    int64_t size = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(end - first)));
    while (first % size != 0) size /= 2;
    out.push_back({first, first + size});
    first += size;
  }
  return out;
}

std::vector<PartNode> nodes_of_share(const BatchShare& share, int64_t images_a_part) {
  assert(share.first % images_a_part == 0);
  const int64_t end = share.first + share.images;
  return nodes_of_parts(share.first / images_a_part, (end + images_a_part - 1) / images_a_part);
}

template <typename T>
void join_nodes(const T* own, int64_t size, int64_t images_a_part, T* total) {
  const BatchShare& share = *shared_batch();
  std::vector<PartNode> nodes;
  std::vector<int64_t> bytes;
  for (int rank = 0; rank < ranks().count(); ++rank) {
    const auto of_rank = nodes_of_share(share_of(share.of, rank, ranks().count()), images_a_part);
    nodes.insert(nodes.end(), of_rank.begin(), of_rank.end());
    bytes.push_back(std::ssize(of_rank) * size * static_cast<int64_t>(sizeof(T)));
  }
  const auto own_bytes = static_cast<size_t>(bytes[static_cast<size_t>(ranks().rank())]);
  std::vector<std::byte> all =
      ranks().gather({reinterpret_cast<const std::byte*>(own), own_bytes}, bytes);
  T* at = reinterpret_cast<T*>(all.data());
  const auto merge = [size](T* left, const T* right) {
    for (int64_t i = 0; i < size; ++i) left[i] += right[i];
  };
  ChunkTree<T*> tree;
  for (const PartNode& node : nodes) {
    tree.add(node.first, node.end, at, merge);
    at += size;
  }
  std::copy_n(tree.finish(merge), size, total);
}

template void join_nodes(const float*, int64_t, int64_t, float*);
template void join_nodes(const double*, int64_t, int64_t, double*);

}  // namespace quantdyn
