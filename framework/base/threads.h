// Work by chunks of eight images: the unit of accumulation, whatever the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace quantdyn {

/// Consecutive images that one thread sums in a fixed order. The bits of a result depend on chunks,
/// never on threads (framework/README.md).
inline constexpr int64_t images_per_chunk = 8;

/// One chunk of a batch, and the worker that runs it.
struct Chunk {
  int64_t index;   ///< within the batch
  int64_t first;   ///< first image, within the batch
  int64_t images;  ///< 1 to 8
  int worker;      ///< 0 ... worker_count() - 1
};

inline int64_t chunk_count(int64_t images) {
  return (images + images_per_chunk - 1) / images_per_chunk;
}

/// Threads that parallel work uses; set once at start (n >= 1).
int worker_count();
void set_worker_count(int n);

/// Which way a worker walks its range. `alternating` reverses the direction at every call, so that
/// a pass begins with what the pass before it left in the cache.
enum class Walk { ascending, alternating };

/// Calls `work(index, worker)` for every index in [0, count), on all workers. Each begins with a
/// range of its own; one that has none left takes from the end of another's. Runs in the calling
/// worker when already inside parallel work. An exception is thrown again here; of several, the one
/// with the lowest index.
void parallel_for(int64_t count, const std::function<void(int64_t index, int worker)>& work,
                  Walk walk = Walk::ascending);

/// From now on the thread that calls parallel_for() calls this after each index that it works on
/// itself: it lets go on what needs the processor now and then. Null: nothing does.
void set_meanwhile(void (*call)());

/// Calls `work` for every chunk of a batch; alternating.
void parallel_chunks(int64_t images, const std::function<void(const Chunk&)>& work);

/// Combines parts by the fixed binary tree over the chunk index, whatever order they come in.
///
/// `merge(left, right)` folds right into left. Subtrees that are aligned are merged as soon as both
/// exist, so a worker that adds ascending chunks holds at most log2(chunks) parts.
template <typename Part>
class ChunkTree {
 public:
  template <typename Merge>
  void add(int64_t index, Part part, const Merge& merge) {
    add(index, index + 1, std::move(part), merge);
  }
  /// The same for a subtree: the sum of parts [first, end), a power of two that divides `first`.
  template <typename Merge>
  void add(int64_t first, int64_t end, Part part, const Merge& merge) {
    add_node({first, end, std::move(part)}, merge);
  }
  /// Takes over another tree's parts (another worker's chunks).
  template <typename Merge>
  void absorb(ChunkTree&& other, const Merge& merge) {
    for (Node& node : other.nodes_) add_node(std::move(node), merge);
    other.nodes_.clear();
  }
  bool empty() const { return nodes_.empty(); }
  /// The subtrees that there are, in their order. The tree is empty afterwards.
  std::vector<Part> take_nodes() {
    sort();
    std::vector<Part> out;
    for (Node& node : nodes_) out.push_back(std::move(node.part));
    nodes_.clear();
    return out;
  }
  /// The subtrees that there are, to absorb them in another process. `visit_part(state, part)`
  /// visits one part.
  template <typename Visitor, typename VisitPart>
  void visit_state(Visitor state, const VisitPart& visit_part) {
    auto count = static_cast<int64_t>(nodes_.size());
    state.visit("nodes", count);
    nodes_.resize(static_cast<size_t>(count));
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Visitor of = state.group(std::to_string(i));
      of.visit("first", nodes_[i].first);
      of.visit("end", nodes_[i].end);
      visit_part(of, nodes_[i].part);
    }
  }
  /// What is left, folded from the right: the same for every order of arrival. The tree is empty
  /// afterwards.
  template <typename Merge>
  Part finish(const Merge& merge) {
    sort();
    while (nodes_.size() > 1) {
      Part last = std::move(nodes_.back().part);
      nodes_.pop_back();
      merge(nodes_.back().part, std::move(last));
    }
    Part out = std::move(nodes_.front().part);
    nodes_.clear();
    return out;
  }

 private:
  struct Node {
    int64_t first, end;
    Part part;
  };
  void sort() {
    std::sort(nodes_.begin(), nodes_.end(),
              [](const Node& a, const Node& b) { return a.first < b.first; });
  }
  template <typename Merge>
  void add_node(Node node, const Merge& merge) {
    for (bool merged = true; merged;) {
      merged = false;
      const int64_t size = node.end - node.first;
      const bool is_left = node.first / size % 2 == 0;
      const int64_t sibling = is_left ? node.end : node.first - size;
      for (size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].first != sibling || nodes_[i].end - nodes_[i].first != size) continue;
        Node other = std::move(nodes_[i]);
        nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(i));
        if (!is_left) std::swap(node, other);
        merge(node.part, std::move(other.part));
        node.end = other.end;
        merged = true;
        break;
      }
    }
    nodes_.push_back(std::move(node));
  }

  std::vector<Node> nodes_;
};

}  // namespace quantdyn
