#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "quant/ranges/kl_threshold.h"

namespace quantdyn {
namespace {

/// As numpy.sum: blocks of up to 128 values by eight partial sums, joined by halves. Divergences of
/// neighbouring windows often differ only by such rounding.
float numpy_sum(std::span<const float> values) {
  const size_t size = values.size();
  if (size > 128) {
    const size_t half = size / 2 / 8 * 8;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  if (size < 8) return std::accumulate(values.begin(), values.end(), 0.0f);
  float r[8] = {};
  for (size_t i = 0; i < size / 8 * 8; ++i) r[i % 8] += values[i];
  const float whole = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(size / 8 * 8), values.end(),
                         whole);
}

constexpr double part = 1e-4;

/// What each count that is not 0 gives to those that are; above 1 there are too few to give.
double given(const std::vector<int64_t>& counts) {
  const auto zeros = static_cast<double>(std::ranges::count(counts, 0));
  return part * zeros / (static_cast<double>(counts.size()) - zeros);
}

/// Zeros become 1e-4, which the others give.
std::vector<float> smoothed(const std::vector<int64_t>& counts) {
  const double given = quantdyn::given(counts);
  std::vector<float> out;
  for (int64_t count : counts)
    out.push_back(static_cast<float>(count) + static_cast<float>(count == 0 ? part : -given));
  return out;
}

float divergence(const std::vector<int64_t>& p_counts, const std::vector<int64_t>& q_counts) {
  const std::vector<float> p = smoothed(p_counts), q = smoothed(q_counts);
  const float p_sum = numpy_sum(p), q_sum = numpy_sum(q);
  std::vector<float> terms;
  for (size_t i = 0; i < p.size(); ++i) {
    const float share = p[i] / p_sum;
    terms.push_back(share * std::log(share / (q[i] / q_sum)));
  }
  return numpy_sum(terms);
}

/// The window's counts as `levels` groups, shared out to their bins where `p` is not 0.
std::vector<int64_t> coarse_image(std::span<const int64_t> window, const std::vector<int64_t>& p,
                                  int64_t levels) {
  const auto size = static_cast<int64_t>(window.size());
  const int64_t merged = size / levels;
  std::vector<int64_t> out(window.size());
  for (int64_t level = 0; level < levels; ++level) {
    const int64_t from = level * merged, to = from + merged;
    const int64_t sum_to = level + 1 == levels ? size : to;
    const int64_t sum = std::accumulate(window.begin() + from, window.begin() + sum_to, int64_t{0});
    const int64_t filled = merged - std::count(p.begin() + from, p.begin() + to, 0);
    if (filled > 0) std::fill(out.begin() + from, out.begin() + to, sum / filled);
  }
  return out;
}

float window_divergence(std::span<const int64_t> counts, int64_t first, int64_t end,
                        int64_t levels) {
  const auto window = counts.subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
  std::vector<int64_t> p(window.begin(), window.end());
  p.front() = std::accumulate(counts.begin(), counts.begin() + first, p.front());
  p.back() = std::accumulate(counts.begin() + end, counts.end(), p.back());
  const std::vector<int64_t> q = coarse_image(window, p, levels);
  // If a count would fall below 0, onnxruntime gives up.
  const bool has_no_divergence = !(given(p) < 1 && given(q) < 1);
  return has_no_divergence ? std::numeric_limits<float>::infinity() : divergence(p, q);
}

}  // namespace

KeptBins onnxruntime_bins(std::span<const uint64_t> counts, int64_t levels) {
  const std::vector<int64_t> all(counts.begin(), counts.end());
  const auto bins = static_cast<int64_t>(all.size());
  const int64_t middle = bins / 2;
  KeptBins best{0, bins - 1};
  float least = std::numeric_limits<float>::infinity();
  for (int64_t i = levels / 2; i <= middle; ++i) {
    const int64_t first = middle - i, end = std::min(middle + i + 1, bins);
    const float divergence = window_divergence(all, first, end, levels);
    if (divergence >= least) continue;
    least = divergence;
    best = {first, end - 1};
  }
  return best;
}

}  // namespace quantdyn
