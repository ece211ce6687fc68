// K-means on a line: the levels that leave the least squared error.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/quantizers/distribution.h"

namespace quantdyn {

/// Whether 0 must be among the levels.
enum class ZeroLevel { free, fixed };

/// At most `count` levels, ascending and different, that minimise sum counts (value - nearest
/// level)^2; fewer if there are fewer values.
///
/// Optimal by dynamic programming over where clusters begin (Wu 1991; Wang & Song 2011) in
/// O(count n log n) by divide and conquer, as the best start never moves down as the end moves up.
/// With more than 4096 values, clusters start only at every (n / 4096)-th of them, and Lloyd's
/// iterations (1982) over all values follow, which never raise the error. Deterministic.
std::vector<float> kmeans_levels(const Distribution& values, int64_t count, ZeroLevel zero);

}  // namespace quantdyn
