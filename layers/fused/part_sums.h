// Parts of a sum over a batch, added up by a fixed tree: the same bits for any number of threads
// and of ranks.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "framework/base/ranks.h"
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

/// Parts that sum_parts() holds at once when it adds `count` of them.
inline int64_t parts_held(int64_t count) { return std::bit_width(static_cast<uint64_t>(count)); }
/// total [size] += `count` >= 1 parts, made one after another, by the same tree. `make(part, to)`
/// adds a part to `to` [size], which holds zeros. `held` has parts_held(count) * size values.
template <typename T, typename Make>
void sum_parts(int64_t count, int64_t size, T* held, T* total, const Make& make) {
  T* top = held;  // after the last part that is held
  const auto fold = [&](const T* right, T* left) {
    for (int64_t i = 0; i < size; ++i) left[i] += right[i];
  };
  for (int64_t part = 0; part < count; ++part) {
    std::fill_n(top, size, T{0});
    make(part, top);
    top += size;
    for (int64_t made = part + 1; made % 2 == 0; made /= 2, top -= size)
      fold(top - size, top - 2 * size);
  }
  for (; top - held > size; top -= size) fold(top - size, top - 2 * size);
  fold(held, total);
}

/// total [size] += the parts, by the same tree, on all workers.
void add_parts_to(float* parts, int64_t count, int64_t size, float* total);

/// The sums of this rank's subtrees of a shared batch, [nodes, size]; `add` as below.
template <typename T, typename Add>
std::vector<T> sums_of_nodes(int64_t size, int64_t images_a_part, const Add& add) {
  const std::vector<PartNode> nodes = nodes_of_share(*shared_batch(), images_a_part);
  std::vector<T> out(nodes.size() * static_cast<size_t>(size));
  T* to = out.data();
  for (const PartNode& node : nodes) {
    add(node.first - nodes.front().first, node.end - node.first, to);
    to += size;
  }
  return out;
}

/// total [size] += the sum over a batch, also over what other ranks have of it. This rank has
/// `count` parts of `images_a_part` images; `add(first, parts, to)` adds the sum of some of them,
/// counted from 0, to `to` [size].
template <typename T, typename Add>
void add_over_ranks(int64_t count, int64_t size, int64_t images_a_part, T* total, const Add& add) {
  if (!shared_batch()) return add(0, count, total);
  std::vector<T> sum(static_cast<size_t>(size));
  join_nodes(sums_of_nodes<T>(size, images_a_part, add).data(), size, images_a_part, sum.data());
  for (int64_t i = 0; i < size; ++i) total[i] += sum[static_cast<size_t>(i)];
}

/// The same for a gradient of parameters: it is there at the end of the shared batch.
template <typename Add>
void add_gradient_over_ranks(int64_t count, int64_t size, int64_t images_a_part, float* gradient,
                             const Add& add) {
  if (!shared_batch()) return add(0, count, gradient);
  join_nodes_later(sums_of_nodes<float>(size, images_a_part, add), size, images_a_part, gradient);
}

/// As add_parts(), for the chunks of a batch, also over what other ranks have of it.
inline void add_chunks(double* chunks, int64_t images, int64_t size) {
  if (!shared_batch()) return add_parts(chunks, chunk_count(images), size);
  double* to = chunks;
  for (const PartNode& node : nodes_of_share(*shared_batch(), images_per_chunk)) {
    double* const from = chunks + (node.first - shared_batch()->first / images_per_chunk) * size;
    add_parts(from, node.end - node.first, size);
    to = std::copy_n(from, size, to);
  }
  join_nodes(chunks, size, images_per_chunk, chunks);
}

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
  add_chunks(sums, images, 2 * channels);
  return sums;
}

}  // namespace quantdyn
