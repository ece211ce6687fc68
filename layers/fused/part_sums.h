// Parts of a sum over a batch, added up by a fixed tree: the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "framework/base/threads.h"

namespace quantdyn {

/// Adds parts [count, size], `apart` values from one to the next, count >= 1, by a binary tree over
/// their index. The first part becomes the total; the others are overwritten. On the calling
/// thread.
template <typename T>
void add_parts(T* parts, int64_t count, int64_t size, int64_t apart) {
  for (int64_t step = 1; step < count; step *= 2)
    for (int64_t part = 0; part + step < count; part += 2 * step) {
      T* const left = parts + part * apart;
      const T* const right = left + step * apart;
      for (int64_t i = 0; i < size; ++i) left[i] += right[i];
    }
}
/// The same for parts that lie one after another.
template <typename T>
void add_parts(T* parts, int64_t count, int64_t size) {
  add_parts(parts, count, size, size);
}

/// total [size] += the parts, by the same tree, on all workers.
void add_parts_to(float* parts, int64_t count, int64_t size, float* total);

/// Two sums per channel over a batch, [2, channels] in scratch. `work(chunk, to)` adds a chunk's
/// sums to `to`, which holds zeros.
template <typename Work>
const double* sum_by_chunks(int64_t images, int64_t channels, float* scratch, const Work& work) {
  auto* const sums = reinterpret_cast<double*>(scratch);
  parallel_chunks(images, [&](const Chunk& chunk) {
    double* const to = sums + chunk.index * 2 * channels;
    std::fill_n(to, 2 * channels, 0.0);
    work(chunk, to);
  });
  add_parts(sums, chunk_count(images), 2 * channels);
  return sums;
}

}  // namespace quantdyn
