// Distances between two distributions that are counted on the same bins.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// KL(p || q) = sum_i p_i ln(p_i / q_i) in nat, p_i and q_i the shares of the counts (Kullback &
/// Leibler 1951). +infinity where q has nothing on a bin of p, NaN where either is empty.
/// Exactly 0 for the same shares; rounding may leave others some 1e-16 under it.
/// Throws Error where the numbers of bins differ.
double kl_divergence(std::span<const uint64_t> p, std::span<const uint64_t> q);

/// The share of p on bins where q has nothing: what makes KL(p || q) infinite. NaN where p is
/// empty.
double unmatched_share(std::span<const uint64_t> p, std::span<const uint64_t> q);

/// Jensen-Shannon *divergence* in bit, 0 to 1 (its square root is the Jensen-Shannon distance):
/// 1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2 and log2 (Lin 1991, section IV, with equal
/// weights). Symmetric to the last bit; exactly 0 for the same shares, exactly 1 where no bin is
/// shared. NaN where either is empty. Throws Error where the numbers of bins differ.
double js_divergence(std::span<const uint64_t> p, std::span<const uint64_t> q);

/// The edges of all bins, worked out once.
struct BinEdges {
  explicit BinEdges(const LogBins& bins);

  LogBins bins;
  std::vector<double> lower, upper;  ///< [bins]
};

/// A histogram as a distribution over values.
///
/// Mass is uniform within a bin, whose edges are drawn in to the exact smallest and largest value
/// where these are known (NaN: not known; the bins of overflow then reach to the largest float).
/// Zero is a point mass, and so are infinities. NaN is left out: shares are of what is a number.
class BinnedDistribution {
 public:
  /// `edges` and `counts` must outlive this. Throws Error unless there is one count a bin and the
  /// ends are those of the outermost bins that hold something.
  BinnedDistribution(const BinEdges& edges, std::span<const uint64_t> counts, double minimum,
                     double maximum);

  const BinEdges& edges() const { return *edges_; }
  std::span<const uint64_t> counts() const { return counts_; }  ///< without the bin of NaN
  uint64_t total() const { return total_; }
  bool empty() const { return total_ == 0; }
  /// The outermost bins that hold something; without any, first > last.
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
/// cumulative distributions (Vallender 1974). +infinity where the shares of an infinity differ, NaN
/// where either is empty. Exactly 0 for the same shares and ends. Throws Error where the bins
/// differ.
double wasserstein_distance(const BinnedDistribution& p, const BinnedDistribution& q);

/// The most by which wasserstein_distance() differs from the distance between the values that were
/// counted: half a bin's width, on average over the values of p, and the same of q. Uniform mass is
/// at most half the width away from wherever the values lie in the bin, and the distance is a
/// metric. NaN where either is empty.
double wasserstein_bound(const BinnedDistribution& p, const BinnedDistribution& q);

}  // namespace quantdyn
