#include "layers/fused/part_sums.h"

#include <algorithm>

#include "framework/base/threads.h"

namespace quantdyn {

void add_parts_to(float* parts, int64_t count, int64_t size, float* total) {
  constexpr int64_t block = 4096;  // one block of all parts stays in the cache
  parallel_for((size + block - 1) / block, [&](int64_t index, int) {
    const int64_t first = index * block, end = std::min(size, first + block);
    add_parts(parts + first, count, end - first, size);
    for (int64_t i = first; i < end; ++i) total[i] += parts[i];
  });
}

}  // namespace quantdyn
