// The place of a quantile among values that are counted by bin.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "framework/h5/frame.h"
#include "stats/kernels/log_bins.h"

namespace quantdyn {

/// The axis `quantile`.
inline constexpr std::array<double, 9> quantile_fractions = {0.001, 0.01, 0.05, 0.25, 0.5,
                                                             0.75,  0.95, 0.99, 0.999};

/// As numpy.quantile by default (Hyndman & Fan 1996, type 7): of n sorted values x_0 ...,
/// x_k + weight (x_{k+1} - x_k) with k + weight = fraction (n - 1); x_{k+1} is x_k where the weight
/// is 0.
struct QuantileRanks {
  uint64_t lower, upper;  ///< k, and k + 1 or k
  double weight;

  /// n > 0.
  QuantileRanks(double fraction, uint64_t n);
  double between(double at_lower, double at_upper) const;
};

/// The bin that holds the sorted value number `rank`, and how many values are in bins before it.
struct RankPlace {
  int32_t bin = 0;
  uint64_t before = 0;
};
/// Searches from `from` on, which must be the place of the same or a lower rank.
RankPlace place_of_rank(std::span<const uint64_t> counts, uint64_t rank, RankPlace from = {});

/// How many of the counted values are not NaN.
uint64_t ordered_values(std::span<const uint64_t> counts, const LogBins& bins);

/// The quantiles of a layer or channel, [quantile_fractions], and the bounds that the bins give.
/// NaN if there are no values.
struct QuantileEstimate {
  std::array<double, quantile_fractions.size()> value, lower, upper;

  QuantileEstimate();
};

/// Writes quantiles, quantile_lower and quantile_upper; `channels` are those of the node.
void save_quantiles(std::span<const QuantileEstimate> channels, const QuantileEstimate& layer,
                    Frame& frame, const std::string& tensor, int64_t node);

}  // namespace quantdyn
