// The processes that train one net together, and how sums over a batch are joined between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/base/threads.h"

namespace quantdyn {

/// What a rank has exchanged with the others.
struct Traffic {
  int64_t exchanges = 0, bytes = 0;              ///< for which it waited at once; bytes that it got
  int64_t later_exchanges = 0, later_bytes = 0;  ///< likewise, begun while it computed
  double seconds = 0;                            ///< that it waited, for the slowest rank as well
};

/// Bytes on their way between ranks, while this one computes.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// Those that this rank gets, by the rank that they come from. Once.
  virtual std::vector<std::byte> wait() = 0;
};

/// Processes that run the same program on the same experiment, each with images of its own; they
/// call these functions in the same order, each give() beside a take() of rank 0. A process alone
/// has rank 0 of 1.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const = 0;   ///< 0 ... count() - 1
  virtual int count() const = 0;  ///< of processes
  virtual Traffic traffic() const = 0;
  /// The bytes of every rank, one after another; those of rank r are sizes[r].
  virtual std::vector<std::byte> gather(std::span<const std::byte> own,
                                        std::span<const int64_t> sizes) = 0;
  /// The same, begun: bytes [sizes of all] of at most largest_exchange.
  virtual std::unique_ptr<Exchange> start_gather(std::vector<std::byte> own,
                                                 std::span<const int64_t> sizes) = 0;
  /// Begins to give each rank its part of `own`, whose parts lie by rank and have the sizes `to`;
  /// `from`: those of the parts that come. Each of at most largest_exchange in all.
  virtual std::unique_ptr<Exchange> start_scatter(std::vector<std::byte> own,
                                                  std::span<const int64_t> to,
                                                  std::span<const int64_t> from) = 0;
  /// Lets begun exchanges go on; from any thread.
  virtual void progress() = 0;
  static constexpr int64_t largest_exchange = 1 << 30;
  /// Replaces each number by its sum over all ranks.
  virtual void add_up(std::span<uint32_t> counts) = 0;
  virtual void add_up(std::span<int64_t> counts) = 0;
  /// Gives `bytes` of rank 0 to all.
  virtual void broadcast(std::vector<std::byte>& bytes) = 0;
  /// Of the other ranks: gives bytes to rank 0, in the end.
  virtual void give(std::span<const std::byte> bytes) = 0;
  /// Of rank 0: the next bytes that a rank gives. While there are none, it calls `meanwhile` every
  /// few milliseconds; what that throws ends the waiting.
  virtual std::vector<std::byte> take(int rank, const std::function<void()>& meanwhile) = 0;
  /// Ends all ranks, with this exit code.
  [[noreturn]] virtual void abort(int status) = 0;
};

/// Those that this process belongs to.
Ranks& ranks();
/// Null: alone. For main(), at start and at the end.
void set_ranks(std::unique_ptr<Ranks> ranks);
inline bool is_alone() { return ranks().count() == 1; }

/// Images [first, first + images) of a batch of `of` images: those that one rank has.
struct BatchShare {
  int64_t first, images, of;
};

/// A batch is shared in whole parts of 32 images: the largest that a kernel sums in one go.
inline constexpr int64_t images_per_share = 4 * images_per_chunk;
inline int64_t share_count(int64_t images) {
  return (images + images_per_share - 1) / images_per_share;
}

/// What a rank has of a batch; no images if there are fewer parts than ranks.
BatchShare share_of(int64_t images, int rank, int ranks);

/// While one exists, the batch that is worked on is shared by all ranks: its sums are joined. There
/// is at most one. Alone, it changes nothing.
class SharedBatch {
 public:
  explicit SharedBatch(const BatchShare& share);
  ~SharedBatch();
  SharedBatch(const SharedBatch&) = delete;
  SharedBatch& operator=(const SharedBatch&) = delete;

  /// Adds what is joined later (join_nodes_later()) to its totals; after the last of it.
  void finish();
};

/// Null if the batch that is worked on is all here.
const BatchShare* shared_batch();

/// Images of the whole batch, of which `images` are here.
inline int64_t images_of_batch(int64_t images) {
  return shared_batch() ? shared_batch()->of : images;
}

/// A subtree of the fixed tree over parts of a batch (ChunkTree): parts [first, end), whose number
/// is a power of two that divides `first`.
struct PartNode {
  int64_t first, end;
};
/// The fewest subtrees that make up parts [first, end), in their order.
std::vector<PartNode> nodes_of_parts(int64_t first, int64_t end);
/// Those of a share, in parts of `images_a_part` images.
std::vector<PartNode> nodes_of_share(const BatchShare& share, int64_t images_a_part);

/// Joins the sums of this rank's subtrees, `own` [nodes, size], with those of all other ranks, by
/// the tree: the same bits as on one rank. total [size]. There must be a shared batch.
template <typename T>
void join_nodes(const T* own, int64_t size, int64_t images_a_part, T* total);

/// The same, added to total [size] by SharedBatch::finish(): the sums travel while this rank
/// computes, and each rank joins a part of them. `own` [nodes, size].
void join_nodes_later(std::vector<float> own, int64_t size, int64_t images_a_part, float* total);

extern template void join_nodes(const float*, int64_t, int64_t, float*);
extern template void join_nodes(const double*, int64_t, int64_t, double*);

}  // namespace quantdyn
