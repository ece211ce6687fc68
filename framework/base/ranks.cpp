#include "framework/base/ranks.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <optional>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

class Alone final : public Ranks {
 public:
  int rank() const override { return 0; }
  int count() const override { return 1; }
  Traffic traffic() const override { return {}; }
  std::vector<std::byte> gather(std::span<const std::byte> own, std::span<const int64_t>) override {
    return {own.begin(), own.end()};
  }
  void add_up(std::span<uint32_t>) override {}
  void add_up(std::span<int64_t>) override {}
  void broadcast(std::vector<std::byte>&) override {}
  std::unique_ptr<Exchange> start_gather(std::vector<std::byte>,
                                         std::span<const int64_t>) override {
    throw_error("no rank to gather from");
  }
  std::unique_ptr<Exchange> start_scatter(std::vector<std::byte>, std::span<const int64_t>,
                                          std::span<const int64_t>) override {
    throw_error("no rank to give to");
  }
  void progress() override {}
  void give(std::span<const std::byte>) override { throw_error("no rank to give to"); }
  std::vector<std::byte> take(int, const std::function<void()>&) override {
    throw_error("no rank to take from");
  }
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
  set_meanwhile(ranks ? [] { quantdyn::ranks().progress(); } : static_cast<void (*)()>(nullptr));
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

namespace {

/// The subtrees of all ranks, in the tree's order.
struct NodesOfRanks {
  std::vector<PartNode> nodes;
  std::vector<int64_t> counts;  // of nodes, by rank
};

NodesOfRanks nodes_of_ranks(int64_t images_a_part) {
  NodesOfRanks out;
  for (int rank = 0; rank < ranks().count(); ++rank) {
    const auto of_rank =
        nodes_of_share(share_of(shared_batch()->of, rank, ranks().count()), images_a_part);
    out.nodes.insert(out.nodes.end(), of_rank.begin(), of_rank.end());
    out.counts.push_back(std::ssize(of_rank));
  }
  return out;
}

/// Joins the sums of nodes, [nodes, size]; the total is in the place of the first.
template <typename T>
void join_all(const std::vector<PartNode>& nodes, T* sums, int64_t size) {
  const auto merge = [size](T* left, const T* right) {
    for (int64_t i = 0; i < size; ++i) left[i] += right[i];
  };
  ChunkTree<T*> tree;
  for (const PartNode& node : nodes) {
    tree.add(node.first, node.end, sums, merge);
    sums += size;
  }
  tree.finish(merge);
}

/// Where the part of each rank begins, of `size` values that all join together; and `size`.
std::vector<int64_t> starts_of_parts(int64_t size) {
  std::vector<int64_t> out;
  for (int64_t rank = 0; rank <= ranks().count(); ++rank)
    out.push_back(size * rank / ranks().count());
  return out;
}

constexpr auto bytes_a_value = static_cast<int64_t>(sizeof(float));

/// A sum that is being joined: each rank gets its part of all nodes' values, joins it, and gives
/// its total to all. These three steps are begin(), join() and add().
class LaterSum {
 public:
  LaterSum(const std::vector<float>& own, int64_t size, int64_t images_a_part, float* total)
      : nodes_(nodes_of_ranks(images_a_part)), starts_(starts_of_parts(size)), total_(total) {
    const int64_t own_nodes = std::ssize(own) / size;
    own_.resize(own.size() * sizeof(float));
    auto* at = reinterpret_cast<float*>(own_.data());
    for (int rank = 0; rank < ranks().count(); ++rank)
      for (int64_t node = 0; node < own_nodes; ++node)
        at = std::copy_n(own.data() + node * size + starts_[static_cast<size_t>(rank)],
                         part_size(rank), at);
  }

  void begin() {
    if (exchange_) return;
    const int64_t own_nodes = nodes_.counts[static_cast<size_t>(ranks().rank())];
    std::vector<int64_t> to, from;
    for (int rank = 0; rank < ranks().count(); ++rank) {
      to.push_back(own_nodes * part_size(rank) * bytes_a_value);
      from.push_back(nodes_.counts[static_cast<size_t>(rank)] * part_size(ranks().rank()) *
                     bytes_a_value);
    }
    exchange_ = ranks().start_scatter(std::move(own_), to, from);
  }

  void join() {
    if (is_joined_) return;
    is_joined_ = true;
    std::vector<std::byte> sums = exchange_->wait();
    const int64_t size = part_size(ranks().rank());
    join_all(nodes_.nodes, reinterpret_cast<float*>(sums.data()), size);
    sums.resize(static_cast<size_t>(size * bytes_a_value));
    std::vector<int64_t> sizes;
    for (int rank = 0; rank < ranks().count(); ++rank)
      sizes.push_back(part_size(rank) * bytes_a_value);
    exchange_ = ranks().start_gather(std::move(sums), sizes);
  }

  void add() {
    const std::vector<std::byte> sum = exchange_->wait();
    const auto* const values = reinterpret_cast<const float*>(sum.data());
    for (int64_t i = 0; i < starts_.back(); ++i) total_[i] += values[i];
  }

 private:
  int64_t part_size(int rank) const {
    return starts_[static_cast<size_t>(rank) + 1] - starts_[static_cast<size_t>(rank)];
  }

  NodesOfRanks nodes_;
  std::vector<int64_t> starts_;
  float* total_;
  std::vector<std::byte> own_;  // until it is begun
  bool is_joined_ = false;
  std::unique_ptr<Exchange> exchange_;
};

std::vector<LaterSum>& later_sums() {
  static std::vector<LaterSum> sums;
  return sums;
}

/// Lets the sums that wait travel, and joins those of two layers before, which have had the time.
/// All ranks do so in one order.
void begin_later_sums() {
  std::vector<LaterSum>& sums = later_sums();
  for (LaterSum& sum : sums) sum.begin();
  for (size_t i = 0; i + 2 < sums.size(); ++i) sums[i].join();
}

}  // namespace

SharedBatch::~SharedBatch() {
  current_share().reset();
  later_sums().clear();
}

void SharedBatch::finish() {
  begin_later_sums();
  for (LaterSum& sum : later_sums()) sum.join();
  for (LaterSum& sum : later_sums()) sum.add();
  later_sums().clear();
}

void join_nodes_later(std::vector<float> own, int64_t size, int64_t images_a_part, float* total) {
  const int64_t nodes = std::ssize(nodes_of_ranks(images_a_part).nodes);
  if (nodes * size * bytes_a_value <= Ranks::largest_exchange) {
    // It is not begun yet: the sums of the next norm, which hold up all ranks, would queue for the
    // link after it.
    begin_later_sums();
    later_sums().emplace_back(own, size, images_a_part, total);
    return;
  }
  std::vector<float> sum(static_cast<size_t>(size));
  join_nodes(own.data(), size, images_a_part, sum.data());
  for (int64_t i = 0; i < size; ++i) total[i] += sum[static_cast<size_t>(i)];
}

template <typename T>
void join_nodes(const T* own, int64_t size, int64_t images_a_part, T* total) {
  const NodesOfRanks nodes = nodes_of_ranks(images_a_part);
  std::vector<int64_t> bytes;
  for (const int64_t count : nodes.counts)
    bytes.push_back(count * size * static_cast<int64_t>(sizeof(T)));
  const auto own_bytes = static_cast<size_t>(bytes[static_cast<size_t>(ranks().rank())]);
  std::vector<std::byte> all =
      ranks().gather({reinterpret_cast<const std::byte*>(own), own_bytes}, bytes);
  join_all(nodes.nodes, reinterpret_cast<T*>(all.data()), size);
  std::copy_n(reinterpret_cast<const T*>(all.data()), size, total);
  begin_later_sums();
}

template void join_nodes(const float*, int64_t, int64_t, float*);
template void join_nodes(const double*, int64_t, int64_t, double*);

}  // namespace quantdyn
