// Seeded orders of a dataset's images.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "framework/base/rng.h"

namespace quantdyn {

/// 0 ... size - 1 shuffled (Durstenfeld 1964); a pure function of the stream. Keeps `order`'s
/// memory.
void shuffle(const Rng& rng, int64_t size, std::vector<int64_t>& order);

/// All images in a seeded order of the dataset's chunks (Dataset::chunk_of): `together` chunks at a
/// time, whose images are shuffled among each other. So each chunk is read once where as many are
/// kept. A pure function of the stream, the chunks and `together`.
void shuffle_chunks(const Rng& rng, const Dataset& dataset, int64_t together,
                    std::vector<int64_t>& order);

/// The first `count` of a shuffle of 0 ... size - 1: the calibration images. ConfigError if there
/// are fewer than `count`.
std::vector<int64_t> first_of_shuffle(const Rng& rng, int64_t size, int64_t count);

}  // namespace quantdyn
