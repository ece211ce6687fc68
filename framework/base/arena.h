// One block of memory for all activations and gradients, laid out from their lifetimes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace quantdyn {

/// An array that is needed from time `first` to time `last`, both included.
struct Lifetime {
  int64_t floats;
  int first, last;
};

/// Where each array lies in a block, in floats; arrays whose times overlap never share memory.
struct Layout {
  std::vector<int64_t> offsets;
  int64_t floats = 0;
};

/// Places the largest arrays first, each at the lowest offset free for its whole lifetime
/// (Pisarchyk and Lee 2020, greedy by size). Offsets are multiples of 16 floats.
Layout lay_out(std::span<const Lifetime> arrays);
/// A rule for such layouts: tests run plans by one that shares nothing.
using LayoutRule = std::function<Layout(std::span<const Lifetime>)>;

/// Zeroed memory from the system, on huge pages if it grants them.
class Arena {
 public:
  Arena() = default;
  explicit Arena(int64_t floats);
  float* data() const { return static_cast<float*>(memory_.get()); }

 private:
  struct Unmap {
    size_t bytes;
    void operator()(void* p) const;
  };
  std::unique_ptr<void, Unmap> memory_{nullptr, Unmap{0}};
};

}  // namespace quantdyn
