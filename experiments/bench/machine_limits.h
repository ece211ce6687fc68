// What this machine can do at most: products per second, and bytes per second by how many there
// are.
#pragma once

#include <cstdint>
#include <vector>

namespace quantdyn {

/// Bytes per second of a copy or a sum of two arrays, the faster of them.
struct MemoryRate {
  double bytes;     ///< of all arrays of one thread
  double one, all;  ///< per second, with one thread and with all workers at once
};

/// A square product in float32 by BLIS or our own kernel, the faster of them, and one of codes;
/// two operations a multiply-accumulate. The best of a few trials: a limit, not an average.
struct MachineLimits {
  double flops_one, flops_all;     ///< per second, with one thread and with all workers at once
  double code_operations_all;      ///< of sums of products of codes; 0: not measured
  std::vector<MemoryRate> memory;  ///< from small arrays to large ones

  /// The rate of all workers, each with this many bytes: that of the largest arrays measured which
  /// are not larger, so that no more can be had.
  double bytes_per_second(double bytes) const;
};

enum class WithCodes { no, yes };

/// Takes about a second.
MachineLimits measure_limits(WithCodes with_codes);

}  // namespace quantdyn
