// A histogram of floats over LogBins that merges, coarsens and answers quantiles.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/graph/tap.h"
#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// Counts by bin, and the exact smallest and largest value; the same for any order of add and
/// merge.
///
/// Range estimators use it with 7 mantissa bits; files hold 3.
class LogHistogram {
 public:
  explicit LogHistogram(LogBins bins = {});
  /// From stored counts and the exact ends. Throws Error unless there is one count per bin.
  LogHistogram(LogBins bins, std::span<const uint64_t> counts, float minimum, float maximum);

  void add(std::span<const float> values);
  /// Adds all values of a tile, from any channel.
  void add(const Tile& tile);
  /// Throws Error if the bins differ.
  void merge(const LogHistogram& other);

  const LogBins& bins() const { return bins_; }
  std::span<const uint64_t> counts() const { return counts_; }
  /// Number of values that are not NaN, infinities included.
  uint64_t count() const;
  uint64_t nan_count() const { return counts_[bins_.nan()]; }
  uint64_t infinity_count() const { return counts_.front() + counts_[bins_.nan() - 1]; }
  /// The ends of the values that are not NaN; NaN if there are none.
  float minimum() const;
  float maximum() const;

  /// A value, and the edges that enclose the exact quantile.
  struct Quantile {
    double value, lower, upper;
  };
  /// The value below which `fraction` (0 to 1, else Error) of the values that are not NaN are:
  /// linear within a bin clipped to the exact ends. All NaN if there are no values.
  Quantile quantile(double fraction) const;

 private:
  void add_block(const float* values, int64_t rows, int64_t columns);

  LogBins bins_;
  std::vector<uint64_t> counts_;
  float minimum_, maximum_;  // +infinity and -infinity while empty
};

}  // namespace quantdyn
