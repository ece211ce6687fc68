// A histogram of floats over LogBins that merges, coarsens and answers quantiles.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/graph/tap.h"
#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// Counts by bin with the exact smallest and largest value; the same for any order of add and
/// merge.
///
/// Range estimators stand on it with 7 mantissa bits; files hold 3.
class LogHistogram {
 public:
  explicit LogHistogram(LogBins bins = {});
  /// From stored counts and the exact ends. Throws Error unless there is one count a bin.
  LogHistogram(LogBins bins, std::span<const uint64_t> counts, float minimum, float maximum);

  void add(std::span<const float> values);
  /// All values of a tile, whatever their channel.
  void add(const Tile& tile);
  /// Throws Error where the bins differ.
  void merge(const LogHistogram& other);

  const LogBins& bins() const { return bins_; }
  std::span<const uint64_t> counts() const { return counts_; }
  /// Values that are not NaN; infinities belong to them.
  uint64_t count() const;
  uint64_t nan_count() const { return counts_[bins_.nan()]; }
  uint64_t infinity_count() const { return counts_.front() + counts_[bins_.nan() - 1]; }
  /// The ends of what is not NaN; NaN where nothing is.
  float minimum() const;
  float maximum() const;

  /// A value, and the edges between which the exact quantile lies.
  struct Quantile {
    double value, lower, upper;
  };
  /// The value under which `fraction` (0 to 1, else Error) of the values that are not NaN lie:
  /// linear within a bin, whose edges are drawn in to the exact ends. All NaN where there are none.
  Quantile quantile(double fraction) const;

 private:
  void add_block(const float* values, int64_t rows, int64_t columns);

  LogBins bins_;
  std::vector<uint64_t> counts_;
  float minimum_, maximum_;  // +infinity and -infinity while empty
};

}  // namespace quantdyn
