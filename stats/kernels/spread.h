// Mean and central sums of values, from which moments follow.
#pragma once

#include <cmath>
#include <span>

namespace quantdyn {

/// Mean and central sums of some values.
struct Spread {
  double count = 0, mean = 0;
  double deviations = 0;  ///< sum (x - mean)^2
  double cubes = 0;       ///< sum (x - mean)^3
  double fourths = 0;     ///< sum (x - mean)^4
  double absolute = 0;    ///< sum |x|

  /// Adds other values. Pebay 2008, "Formulas for robust, one-pass parallel computation of
  /// covariances and arbitrary-order statistical moments" (SAND2008-6212), section 1; for the
  /// deviations as in Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm".
  void merge(const Spread& other) {
    if (other.count == 0) return;
    Spread all;
    all.mean = mean + (other.mean - mean) * (other.count / (count + other.count));
    all.add_about_mean(*this);
    all.add_about_mean(other);
    *this = all;
  }
  /// Adds the sums of values with another mean, moved to this mean, which does not change.
  void add_about_mean(const Spread& other) {
    const double away = other.mean - mean, square = away * away;
    count += other.count;
    deviations += other.deviations + other.count * square;
    cubes += other.cubes + 3 * away * other.deviations + other.count * square * away;
    fourths += other.fourths + 4 * away * other.cubes + 6 * square * other.deviations +
               other.count * square * square;
    absolute += other.absolute;
  }
  /// Of the population: deviations / count and its root.
  double variance() const { return deviations / count; }
  double standard_deviation() const { return std::sqrt(variance()); }
  /// m3 / m2^(3/2) and m4 / m2^2, m_k = sum (x - mean)^k / count; NaN if all values are equal.
  double skewness() const { return cubes / count / (variance() * standard_deviation()); }
  double kurtosis() const { return fourths / count / (variance() * variance()); }
};

/// The spread of several parts, in their order: first the mean, then the sums about it.
Spread pooled(std::span<const Spread> parts);

}  // namespace quantdyn
