// Sums over a batch, by chunks of eight images and a fixed tree: the same bits for any number of
// threads and of ranks.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "framework/base/tensor.h"
#include "framework/base/threads.h"

namespace quantdyn {

/// Adds up what `work` writes to `sums` (`size` zeros at first) for every chunk of `images` >= 1.
std::vector<double> chunk_sums(
    int64_t images, int64_t size,
    const std::function<void(const Chunk& chunk, std::span<double> sums)>& work);

}  // namespace quantdyn
