// Cells, each of which gives two bins: that of a value, and that of its image under a monotone map.
#pragma once

#include <cstdint>

#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// As z rises, the bin of y never falls if the map never decreases. So the sum of both bins grows
/// with every change of either and identifies the two: one count serves z and its image y. (If the
/// map never increases, y's bin is negated.)
///
/// Here bins count from that of 0, finite ones from -top() to top(). After the sums come the cells
/// of the z whose y is not finite, and of these y.
struct MappedCells {
  LogBins bins{};

  int32_t top() const { return bins.per_sign() + 2; }
  bool has(int32_t bin) const { return -top() <= bin && bin <= top(); }
  /// The cell of the sum 0.
  int32_t origin() const { return 2 * top(); }
  int32_t sums() const { return 4 * top() + 1; }
  /// `turn`: 0, or -1 if the map never increases.
  int32_t of(int32_t z, int32_t y, int32_t turn) const {
    return origin() + z + ((y ^ turn) - turn);
  }
  int32_t source_alone(int32_t z) const { return sums() + bins.zero() + z; }
  int32_t mapped_alone(int32_t y) const {
    return sums() + bins.size() + (y < 0 ? 0 : y == top() + 1 ? 1 : 2);
  }
  /// The cell of what must not be counted.
  int32_t nowhere() const { return sums() + bins.size() + 3; }
  int32_t size() const { return nowhere() + 1; }
};

}  // namespace quantdyn
