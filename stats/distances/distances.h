// Distances between two distributions that are counted on the same bins.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// KL(p || q) = sum_i p_i ln(p_i / q_i) in nat, p_i and q_i the shares of the counts (Kullback &
/// Leibler 1951). +infinity if q is empty on a bin that p has, NaN if either is empty.
/// Exactly 0 for equal shares; rounding may take others about 1e-16 below 0.
/// Throws Error if the numbers of bins differ.
double kl_divergence(std::span<const uint64_t> p, std::span<const uint64_t> q);

/// Jensen-Shannon *divergence* in bit, 0 to 1 (its square root is the Jensen-Shannon distance):
/// 1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2 and log2 (Lin 1991, section IV, with equal
/// weights). Symmetric to the last bit; exactly 0 for equal shares, exactly 1 if no bin is
/// shared. NaN if either is empty. Throws Error if the numbers of bins differ.
double js_divergence(std::span<const uint64_t> p, std::span<const uint64_t> q);

/// The mean of js_divergence(p, q), in bit, where p counts `values` values drawn from q with
/// replacement: what so few values are away from q by their number alone.
///
/// A bin with the share b has a binomial number of them, K, so it is the sum over the bins of
/// E[f(K / n)], f(a) = (a log2(2 a / (a + b)) + b log2(2 b / (a + b))) / 2. A bin that expects up
/// to 1,000 is summed over K; of more, f is expanded about b to the sixth central moment, which
/// leaves less than 1e-7 of the bin's part. NaN if `values` is 0 or q is empty.
double expected_js_divergence(uint64_t values, std::span<const uint64_t> q);

/// The edges of all bins, computed once.
struct BinEdges {
  explicit BinEdges(const LogBins& bins);

  LogBins bins;
  std::vector<double> lower, upper;  ///< [bins]
};

/// A histogram as a distribution over values.
///
/// Mass is uniform within a bin. The outermost edges are drawn in to the exact smallest and largest
/// value if these are known (NaN: not known; the bins of overflow then reach to the largest float).
/// Zero and the infinities are point masses. NaN is left out: shares are of the other values.
class BinnedDistribution {
 public:
  /// `edges` and `counts` must outlive this. Throws Error unless there is one count per bin and
  /// the ends lie in the outermost bins that are not empty.
  BinnedDistribution(const BinEdges& edges, std::span<const uint64_t> counts, double minimum,
                     double maximum);

  const BinEdges& edges() const { return *edges_; }
  std::span<const uint64_t> counts() const { return counts_; }  ///< without the bin of NaN
  uint64_t total() const { return total_; }
  bool empty() const { return total_ == 0; }
  /// The outermost bins that are not empty; without any, first > last.
  int32_t first() const { return first_; }
  int32_t last() const { return last_; }
  double lower(int32_t bin) const;
  double upper(int32_t bin) const;

 private:
  const BinEdges* edges_;
  std::span<const uint64_t> counts_;
  uint64_t total_ = 0;
  int32_t first_, last_ = -1;
  double minimum_, maximum_;
};

/// 1-Wasserstein distance, in the unit of the values: the integral of |F(x) - G(x)| dx over the
/// cumulative distributions (Vallender 1974). +infinity if the shares of an infinity differ, NaN if
/// either is empty. Exactly 0 for equal shares and ends. Throws Error if the bins differ.
double wasserstein_distance(const BinnedDistribution& p, const BinnedDistribution& q);

/// An upper bound on how much wasserstein_distance() differs from the distance between the counted
/// values: half a bin's width, averaged over the values of p, plus the same for q. Uniform mass is
/// at most half the width away from wherever the values lie in the bin, and the distance is a
/// metric. NaN if either is empty.
double wasserstein_bound(const BinnedDistribution& p, const BinnedDistribution& q);

}  // namespace quantdyn
