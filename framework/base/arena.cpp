#include "framework/base/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <numeric>

namespace quantdyn {

Layout lay_out(std::span<const Lifetime> arrays) {
  std::vector<size_t> by_size(arrays.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return arrays[a].floats > arrays[b].floats; });
  const auto padded = [&](size_t i) { return (arrays[i].floats + 15) / 16 * 16; };
  Layout out;
  out.offsets.assign(arrays.size(), 0);
  std::vector<size_t> placed;  // by offset
  for (size_t i : by_size) {
    int64_t offset = 0;
    for (size_t j : placed) {
      const bool overlap = arrays[i].first <= arrays[j].last && arrays[j].first <= arrays[i].last;
      if (!overlap) continue;
      if (out.offsets[j] - offset >= padded(i)) break;
      offset = std::max(offset, out.offsets[j] + padded(j));
    }
    out.offsets[i] = offset;
    out.floats = std::max(out.floats, offset + padded(i));
    const auto at = std::find_if(placed.begin(), placed.end(),
                                 [&](size_t j) { return out.offsets[j] > offset; });
    placed.insert(at, i);
  }
  return out;
}

Arena::Arena(int64_t floats) {
  constexpr size_t huge_page = size_t{2} << 20;
  const size_t bytes =
      (static_cast<size_t>(floats) * sizeof(float) + huge_page) / huge_page * huge_page;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  madvise(memory, bytes, MADV_HUGEPAGE);  // advice only: small pages do as well, more slowly
  memory_ = std::unique_ptr<void, Unmap>(memory, Unmap{bytes});
}

void Arena::Unmap::operator()(void* p) const { munmap(p, bytes); }

}  // namespace quantdyn
