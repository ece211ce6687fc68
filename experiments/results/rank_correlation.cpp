#include "experiments/results/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double normal_975 = 1.959963984540054;  // the 0.975 quantile

/// Ranks from 1; equal values have the mean of theirs.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> out(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (size_t i = first; i <= last; ++i)
      out[order[i]] = static_cast<double>(first + last) / 2 + 1;
    first = last + 1;
  }
  return out;
}

/// Of ranks, whose mean is (n + 1) / 2.
double pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const double mean = static_cast<double>(a.size() + 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : missing;
}

/// 1 / s^2 of the docstring.
double weight_of(const RankCorrelation& r) {
  return static_cast<double>(r.layers - 3) / (1 + r.rho * r.rho / 2);
}

bool has_interval(const RankCorrelation& r) { return r.layers >= 4 && std::abs(r.rho) < 1; }

RankCorrelation with_interval(int64_t layers, double z, double weight) {
  const double half = normal_975 / std::sqrt(weight);
  return {layers, std::tanh(z), std::tanh(z - half), std::tanh(z + half)};
}

}  // namespace

RankCorrelation rank_correlation(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size())
    throw_error("rank correlation: {} values and {}; they must be as many", x.size(), y.size());
  std::vector<double> a, b;
  for (size_t i = 0; i < x.size(); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i])) {
      a.push_back(x[i]);
      b.push_back(y[i]);
    }
  RankCorrelation out{static_cast<int64_t>(a.size()), pearson(ranks_of(a), ranks_of(b)), missing,
                      missing};
  if (!has_interval(out)) return out;
  const RankCorrelation ends = with_interval(out.layers, std::atanh(out.rho), weight_of(out));
  out.low = ends.low;
  out.high = ends.high;
  return out;
}

RankCorrelation joint_correlation(std::span<const RankCorrelation> nets) {
  int64_t layers = 0;
  double weights = 0, sum = 0;
  for (const RankCorrelation& net : nets) {
    if (!has_interval(net)) continue;
    layers += net.layers;
    weights += weight_of(net);
    sum += weight_of(net) * std::atanh(net.rho);
  }
  if (layers == 0) return {0, missing, missing, missing};
  return with_interval(layers, sum / weights, weights);
}

}  // namespace quantdyn
