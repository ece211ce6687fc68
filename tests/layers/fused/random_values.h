// Values for kernels to work on.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/base/rng.h"

namespace quantdyn::test {

/// `n` values of the standard normal distribution.
inline std::vector<float> random_values(int64_t n, uint64_t seed) {
  const Rng rng(seed);
  std::vector<float> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(rng.normal(static_cast<uint64_t>(i)));
  return out;
}

}  // namespace quantdyn::test
