// Analytical clipping: how far from the mean a uniform quantizer of b bits should reach.
#pragma once

#include "quant/quantizers/distribution.h"

namespace quantdyn {

/// The alpha that minimises E (x - Q(x))^2 for 2^bits even steps over [-alpha, alpha]: clipped
/// values cost their distance squared, others (2 alpha / 2^bits)^2 / 12 (Banner et al. 2019,
/// "Post-training 4-bit quantization", arXiv 1810.05723, section 3). bits from 1 to 17.
///
/// For a Laplace distribution of scale b = 1: exp(-alpha) = alpha / (3 4^bits).
double laplace_clip(int bits);
/// For a normal distribution of sigma = 1, phi its density and Q its upper tail:
/// phi(alpha) - alpha Q(alpha) = alpha / (6 4^bits).
double gauss_clip(int bits);

/// Both distributions fitted to values by greatest likelihood.
struct ScaleFit {
  double center;
  double laplace;  ///< b = mean |x - center|
  double gauss;    ///< sigma = sqrt(mean (x - center)^2)

  /// Whether the Laplace distribution has the greater likelihood, so the smaller divergence from
  /// the values': b / sigma under sqrt(pi / (2 e)) = 0.760, the normal distribution's being 0.798
  /// and the Laplace distribution's 0.707.
  bool is_laplace() const;
};

/// About the mean.
ScaleFit fit_about_mean(const Distribution& values);
/// About zero, to the values over it only: what a relu leaves of a distribution about zero. An
/// exponential tail keeps its scale wherever the relu cuts it. All zero where no value is over it.
ScaleFit fit_above_zero(const Distribution& values);

}  // namespace quantdyn
