#include "quant/ranges/torch_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quantdyn {
namespace {

/// The integral of x^2, times three: torch divides by three afterwards.
float cubes(float begin, float end) { return end * end * end - begin * begin * begin; }

/// floor(a / b) of the exact quotient, as torch's division with rounding_mode "floor"; b over 0.
float floor_divide(float a, float b) {
  const float quotient = std::floor(a / b);
  const bool is_rounded_up = static_cast<double>(a) < static_cast<double>(quotient) * b;
  return is_rounded_up ? quotient - 1 : quotient;
}

class TorchSearch {
 public:
  TorchSearch(const LinearBins& bins, const std::vector<uint64_t>& counts, int64_t levels)
      : bins_(bins),
        levels_(levels),
        bin_width_((static_cast<double>(bins.high) - bins.low) / static_cast<double>(bins.count)) {
    uint64_t sum = 0;
    for (uint64_t count : counts) {
      cumulated_.push_back(static_cast<float>(sum += count));
      densities_.push_back(static_cast<float>(count) / static_cast<float>(bin_width_));
    }
  }

  /// The first and the last bin of the range.
  std::pair<int64_t, int64_t> run() const;

 private:
  float error(int64_t first, int64_t last) const;

  const LinearBins& bins_;
  int64_t levels_;
  double bin_width_;
  std::vector<float> cumulated_, densities_;
};

std::pair<int64_t, int64_t> TorchSearch::run() const {
  constexpr double step = 1e-5;
  const double total = cumulated_.back();
  double alpha = 0, beta = 1;
  int64_t first = 0, last = bins_.count - 1;
  for (float least = std::numeric_limits<float>::infinity(); alpha < beta;) {
    const double next_alpha = alpha + step, next_beta = beta - step;
    int64_t left = first, right = last;
    while (left < last && cumulated_[left] < static_cast<float>(next_alpha * total)) ++left;
    while (right > first && cumulated_[right] > static_cast<float>(next_beta * total)) --right;
    int64_t next_first = first, next_last = last;
    if (left - first > last - right) {
      next_first = left;
      alpha = next_alpha;
    } else {
      next_last = right;
      beta = next_beta;
    }
    if (next_first == first && next_last == last) continue;
    const float error = this->error(next_first, next_last);
    if (error > least) break;
    least = error;
    first = next_first;
    last = next_last;
  }
  return {first, last};
}

float TorchSearch::error(int64_t first, int64_t last) const {
  const double wide =
      bin_width_ * static_cast<double>(last - first + 1) / static_cast<double>(levels_);
  const auto step = static_cast<float>(wide), half = static_cast<float>(wide / 2);
  const auto width = static_cast<float>(bin_width_);
  const auto level_of = [&](float place) {
    return std::clamp(floor_divide(place, step), 0.0f, static_cast<float>(levels_ - 1));
  };
  double sum = 0;
  for (int64_t bin = 0; bin < bins_.count; ++bin) {
    const float density = densities_[bin];
    if (density == 0) continue;
    const float begin = static_cast<float>(bin - first) * width, end = begin + width;
    const float level = level_of(begin), last_level = level_of(end);
    float error = density * (cubes(begin - (level + 0.5f) * step, half) / 3);
    error += (last_level - level - 1) * (density * (cubes(-half, half) / 3));
    error += density * (cubes(-half, end - (last_level * step + half)) / 3);
    sum += error;
  }
  return static_cast<float>(sum);
}

}  // namespace

Range torch_range(const LinearBins& bins, const std::vector<uint64_t>& counts, int64_t levels) {
  const auto [first, last] = TorchSearch(bins, counts, levels).run();
  const float width = (bins.high - bins.low) / static_cast<float>(bins.count);
  return {bins.low + width * static_cast<float>(first),
          bins.low + width * static_cast<float>(last + 1)};
}

}  // namespace quantdyn
