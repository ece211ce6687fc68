// Random numbers from a counter: the same draw for the same (seed, names, index), on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace quantdyn {

/// A stream of random numbers addressed by index, Philox 4x32-10 (Salmon et al. 2011).
///
/// Nothing is stateful: `rng.fork("augment").fork(epoch).uniform(sample)` is a pure function, so
/// draws depend on neither threads nor order. Forks with different names are independent streams.
class Rng {
 public:
  explicit Rng(uint64_t seed) : key_(seed) {}

  Rng fork(std::string_view name) const;
  Rng fork(uint64_t index) const;

  /// Four independent 32-bit words for this index.
  std::array<uint32_t, 4> words(uint64_t index) const;
  /// The same words in a row, vectorised: out[i] = words((first + i) / 4)[(first + i) % 4].
  void fill_words(uint64_t first, std::span<uint32_t> out) const;
  /// Uniform in [0, 1), 53 bits.
  double uniform(uint64_t index) const;
  /// Uniform in 0 ... n - 1 (n >= 1), without modulo bias to 64 bits.
  uint64_t below(uint64_t index, uint64_t n) const;
  /// Standard normal, Box-Muller.
  double normal(uint64_t index) const;

 private:
  uint64_t key_;
};

}  // namespace quantdyn
