// Candidates for a range between a tensor's ends, and the search for the best of them.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "framework/config/options.h"
#include "quant/quantizers/quantizer.h"
#include "quant/quantizers/range.h"

namespace quantdyn {

/// How finely and how far ends are drawn in.
struct SearchOptions {
  enum class Ends { apart, together };

  int64_t steps;    ///< candidates per octave
  int64_t octaves;  ///< to 2^-octaves of an end's distance from the anchor
  Ends ends;

  /// Reads `steps`, `octaves` and `ends`.
  static SearchOptions read(const Options& options);
};

/// Ranges [a - 2^(-i / steps) (a - low), a + 2^(-j / steps) (high - a)], [low, high] being the
/// values' ends and a the anchor: zero for quantizers that always hold it (the ends are then
/// widened to it), else the values' median.
///
/// i and j go from 0 to octaves steps; i only to 0 where the lower end is the anchor, where the
/// ends go together (i = j) and where the quantizer is symmetric; j likewise.
class RangeCandidates {
 public:
  RangeCandidates(const Range& ends, double median, const Quantizer& quantizer,
                  const SearchOptions& options);

  int64_t low_count() const { return low_count_; }
  int64_t high_count() const { return high_count_; }
  /// Also beyond the counts, where an end does not move.
  Range at(int64_t low, int64_t high) const;

 private:
  Range ends_;
  double anchor_;
  SearchOptions options_;
  bool are_together_;
  int64_t low_count_, high_count_;
};

/// Which candidate of low_count times high_count has the smallest error, from coarse to fine: the
/// best three of every sixteenth candidate, then the best three of those and their neighbours at
/// half the distance, until the neighbours are adjacent. Of equal errors the widest range wins.
std::pair<int64_t, int64_t> best_candidate(
    int64_t low_count, int64_t high_count,
    const std::function<double(int64_t low, int64_t high)>& error);
/// The same of a range's candidates.
Range best_range(const RangeCandidates& candidates,
                 const std::function<double(const Range&)>& error);

}  // namespace quantdyn
