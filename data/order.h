// Seeded orders of a dataset's images.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/base/rng.h"

namespace quantdyn {

/// 0 ... size - 1 shuffled (Durstenfeld 1964); a pure function of the stream. Keeps `order`'s
/// memory.
void shuffle(const Rng& rng, int64_t size, std::vector<int64_t>& order);

/// The first `count` of a shuffle of 0 ... size - 1: the calibration images. ConfigError if there
/// are fewer than `count`.
std::vector<int64_t> first_of_shuffle(const Rng& rng, int64_t size, int64_t count);

}  // namespace quantdyn
