// Distances between a float tensor's values and its quantized twin's, on the quantizer's own grid.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quantdyn {

/// How often each code was used, by the quantized run and by the float twin, whose values are given
/// the codes that the quantizer would give them.
struct CodeCounts {
  std::vector<double> reference, quantized;  // by code from the first on
};

/// -sum_k r_k log2 r_k bit of the shares r; NaN where there are none.
double code_entropy(std::span<const double> counts);

struct CellDivergence {
  double kl;       ///< sum_k p_k ln(p_k / r_k) nat; +infinity where a code has p alone
  double missing;  ///< the mass of those codes: sum of p_k over r_k = 0
  double js;  ///< Jensen-Shannon divergence, bit: 0 to 1 (Lin 1991, doi 10.1109/18.61115, eq. 4.1)
};
/// Of the shares p (reference) and r (quantized); exactly 0 if the counts are equal, NaN if either
/// has none.
CellDivergence cell_divergence(const CodeCounts& counts);

/// A float tensor's values x between the finite levels v_0 <= v_1 <= ... of a quantizer, and its
/// quantized twin's values q on them.
struct LevelGaps {
  /// Half of the gap between two levels, [its lower end, its upper end).
  struct Half {
    double count = 0, offsets = 0;  // of its x; sum of x - lower end
  };
  std::vector<double> levels;
  std::vector<Half> halves;            // two for each gap: 2 (levels - 1)
  double below = 0, below_excess = 0;  // x < v_0; sum of v_0 - x
  double above = 0, above_excess = 0;  // x >= the last level; sum of x - it
  std::vector<double> quantized;       // q by level
  double infinite = 0;                 // q that are infinite
  double offset_rounding = 0;          // of one offset at most, in widths of its half
};

struct Distance {
  double value;
  double uncertainty;  ///< the true distance is at most that far away
};
/// 1-Wasserstein distance, the integral of |F_x - F_q| (Vallender 1974, doi 10.1137/1118101).
///
/// Between two levels F_q is constant and F_x grows: where F_x - F_q keeps its sign over a half
/// gap, the integral follows exactly from counts and sums; where it changes, it lies between
/// |integral| and what a single jump gives, and their middle is taken. A quantizer that rounds to
/// the nearest level has none of the latter beside its own input. 0 where all x are levels and the
/// shares are equal; NaN where either has no values, infinite where values are.
Distance wasserstein(const LevelGaps& gaps);

}  // namespace quantdyn
