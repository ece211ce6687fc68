// Values and hashes that are the same on every machine: for results whose bits are promised.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "framework/base/hash.h"
#include "framework/base/rng.h"

namespace quantdyn::test {

/// About normal, -2 to 2: sums of uniform draws, without a function of the C library.
inline std::vector<float> portable_values(int64_t count, uint64_t seed) {
  const Rng rng(seed);
  std::vector<float> out(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    double sum = -2;
    for (int64_t k = 0; k < 4; ++k) sum += rng.uniform(static_cast<uint64_t>(4 * i + k));
    out[i] = static_cast<float>(sum);
  }
  return out;
}

/// XXH64 of the values; all NaN count as one, since processors give them different bits.
template <typename T>
uint64_t hash_of(std::span<const T> values) {
  std::vector<T> same(values.begin(), values.end());
  for (T& value : same)
    if (value != value) value = std::numeric_limits<T>::quiet_NaN();
  return xxh64(std::as_bytes(std::span(same)));
}

}  // namespace quantdyn::test
