// How the ranks of two quantities over the layers of a net, or of several nets, go together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quantdyn {

/// Spearman's rho (1904) with its 95 % interval. NaN where it is not defined.
struct RankCorrelation {
  int64_t layers;  ///< that have both values
  double rho, low, high;
};

/// Of the layers where x and y are finite: Pearson's correlation of their ranks, equal values
/// having the mean of theirs. Interval: tanh(z -+ 1.96 s), z = atanh(rho), s^2 = (1 + rho^2 / 2) /
/// (layers - 3) (Bonett & Wright 2000), which takes layers as independent. rho is NaN for fewer
/// than two layers or equal values; the ends are NaN for fewer than four layers or a rho of -1
/// or 1. Throws Error if x and y differ in length.
RankCorrelation rank_correlation(std::span<const double> x, std::span<const double> y);

/// What several nets have in common: the mean of their z, each weighted by 1 / s^2, and its
/// interval; `layers` is their sum. Nets without an interval are left out (Hedges & Olkin 1985,
/// fixed effect).
RankCorrelation joint_correlation(std::span<const RankCorrelation> nets);

}  // namespace quantdyn
