// The loop that layers without geometry share.
#pragma once

#include "framework/base/tensor.h"
#include "framework/base/threads.h"

namespace quantdyn {

/// Calls work(i) for every element of `batch` [N,...], chunk by chunk on all workers.
template <typename T, typename Work>
void for_each_element(View<const T> batch, const Work& work) {
  const int64_t one = batch.shape.of_one().elements();
  parallel_chunks(batch.shape[0], [&](const Chunk& chunk) {
    for (int64_t i = chunk.first * one; i < (chunk.first + chunk.images) * one; ++i) work(i);
  });
}

}  // namespace quantdyn
