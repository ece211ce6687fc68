#include "quant/ranges/aciq.h"

#include <cmath>
#include <numbers>

namespace quantdyn {
namespace {

/// The root of a function that falls from over to under zero on [0, 64].
template <typename Function>
double root_of(const Function& function) {
  double low = 0, high = 64;
  for (double middle = 32; low < middle && middle < high; middle = (low + high) / 2)
    (function(middle) > 0 ? low : high) = middle;
  return low;
}

ScaleFit fit_about(double center, const Distribution& values, bool only_above) {
  double count = 0, size = 0, square = 0;
  for (size_t i = 0; i < values.values.size(); ++i) {
    if (only_above && !(values.values[i] > 0)) continue;
    const auto weight = static_cast<double>(values.counts[i]);
    const double distance = values.values[i] - center;
    count += weight;
    size += weight * std::abs(distance);
    square += weight * distance * distance;
  }
  return count == 0 ? ScaleFit{center, 0, 0}
                    : ScaleFit{center, size / count, std::sqrt(square / count)};
}

}  // namespace

double laplace_clip(int bits) {
  return root_of([levels = std::exp2(bits)](double alpha) {
    return std::exp(-alpha) - alpha / (3 * levels * levels);
  });
}

double gauss_clip(int bits) {
  return root_of([levels = std::exp2(bits)](double alpha) {
    const double density = std::exp(-alpha * alpha / 2) / std::sqrt(2 * std::numbers::pi);
    const double tail = std::erfc(alpha / std::numbers::sqrt2) / 2;
    return density - alpha * tail - alpha / (6 * levels * levels);
  });
}

bool ScaleFit::is_laplace() const {
  return laplace < gauss * std::sqrt(std::numbers::pi / (2 * std::numbers::e));
}

ScaleFit fit_about_mean(const Distribution& values) {
  double count = 0, sum = 0;
  for (size_t i = 0; i < values.values.size(); ++i) {
    count += static_cast<double>(values.counts[i]);
    sum += static_cast<double>(values.counts[i]) * values.values[i];
  }
  return fit_about(sum / count, values, false);
}

ScaleFit fit_above_zero(const Distribution& values) { return fit_about(0, values, true); }

}  // namespace quantdyn
