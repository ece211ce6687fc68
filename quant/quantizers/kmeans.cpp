#include "quant/quantizers/kmeans.h"

#include <algorithm>
#include <limits>
#include <span>

namespace quantdyn {
namespace {

constexpr int64_t most_cells = 4096;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Squared errors of runs of sorted values, from running sums.
///
/// The sums start at the median and run outwards, and values are taken from it: a huge outlier
/// then costs only the runs that reach it their precision.
class Runs {
 public:
  explicit Runs(const Distribution& points)
      : values_(points.values), sums_(points.values.size() + 1) {
    uint64_t all = 0, below = 0;
    for (const uint64_t count : points.counts) all += count;
    size_t median = 0;
    while (below + points.counts[median] < (all + 1) / 2) below += points.counts[median++];
    origin_ = values_[median];
    for (size_t i = median; i < values_.size(); ++i) sums_[i + 1] = sums_[i] + of(points, i);
    for (size_t i = median; i > 0; --i) sums_[i - 1] = sums_[i] - of(points, i - 1);
  }

  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  std::span<const float> values() const { return values_; }
  double mean(int64_t from, int64_t to) const {
    const Sums sums = sums_[to] - sums_[from];
    return origin_ + sums.first / sums.weight;
  }
  /// Of values from ... to - 1, about their mean.
  double error(int64_t from, int64_t to) const {
    if (from == to) return 0;
    const Sums sums = sums_[to] - sums_[from];
    return std::max(0.0, sums.second - sums.first * sums.first / sums.weight);
  }
  double error_about(double center, int64_t from, int64_t to) const {
    const Sums sums = sums_[to] - sums_[from];
    const double c = center - origin_;
    return std::max(0.0, sums.second - 2 * c * sums.first + c * c * sums.weight);
  }

 private:
  struct Sums {
    double weight = 0, first = 0, second = 0;

    Sums operator+(const Sums& o) const {
      return {weight + o.weight, first + o.first, second + o.second};
    }
    Sums operator-(const Sums& o) const {
      return {weight - o.weight, first - o.first, second - o.second};
    }
  };
  Sums of(const Distribution& points, size_t i) const {
    const auto weight = static_cast<double>(points.counts[i]);
    const double x = points.values[i] - origin_;
    return {weight, weight * x, weight * x * x};
  }

  std::span<const float> values_;
  double origin_ = 0;
  std::vector<Sums> sums_;
};

/// Clusters of the first `end` cells for every end, by how many clusters there are.
struct Layer {
  std::vector<double> error;
  std::vector<int32_t> begin;    // of the last cluster
  std::vector<uint8_t> is_zero;  // the last cluster's level is 0
  explicit Layer(size_t ends) : error(ends, infinity), begin(ends, 0), is_zero(ends, 0) {}
};

/// Where clusters may begin and end, and the layers of the dynamic program.
class Partition {
 public:
  explicit Partition(const Runs& runs) : runs_(runs) {
    const int64_t cells = std::min(runs.size(), most_cells);
    for (int64_t i = 0; i <= cells; ++i) cuts_.push_back(i * runs.size() / cells);
  }

  /// A level for each of `count` clusters; fixed: one of them is 0, possibly without a cluster.
  std::vector<double> levels(int64_t count, ZeroLevel zero) const {
    // Two rows of layers: clusters so far without a zero level, and with one.
    std::vector<Layer> without{Layer(cuts_.size())}, with{Layer(cuts_.size())};
    without[0].error[0] = 0;
    for (int64_t j = 1; j <= count; ++j) {
      without.emplace_back(cuts_.size());
      extend(without[j - 1], ZeroLevel::free, without[j]);
      if (zero == ZeroLevel::free) continue;
      with.emplace_back(cuts_.size());
      extend(with[j - 1], ZeroLevel::free, with[j]);
      extend(without[j - 1], ZeroLevel::fixed, with[j]);
    }
    std::vector<double> out;
    bool has_zero = zero == ZeroLevel::fixed;
    auto end = static_cast<int32_t>(cuts_.size() - 1);
    for (int64_t j = count; j > 0; --j) {
      const Layer& layer = has_zero ? with[j] : without[j];
      const int32_t begin = layer.begin[end];
      if (layer.is_zero[end]) {
        out.push_back(0);
        has_zero = false;
      } else if (begin < end) {
        out.push_back(runs_.mean(cuts_[begin], cuts_[end]));
      }
      end = begin;
    }
    std::ranges::sort(out);
    return out;
  }

 private:
  /// Adds one cluster, with any level or 0, to what `before` has.
  void extend(const Layer& before, ZeroLevel level, Layer& after) const {
    const auto last = static_cast<int32_t>(cuts_.size() - 1);
    extend(before, level, after, 0, last, 0, last);
  }
  /// For ends low ... high, whose best beginnings lie in first ... last.
  void extend(const Layer& before, ZeroLevel level, Layer& after, int32_t low, int32_t high,
              int32_t first, int32_t last) const {
    if (low > high) return;
    const int32_t end = (low + high) / 2;
    double least = infinity;
    int32_t best = first;
    for (int32_t begin = first; begin <= std::min(end, last); ++begin) {
      const double error =
          before.error[begin] + (level == ZeroLevel::fixed
                                     ? runs_.error_about(0, cuts_[begin], cuts_[end])
                                     : runs_.error(cuts_[begin], cuts_[end]));
      if (error < least) {
        least = error;
        best = begin;
      }
    }
    if (least < after.error[end]) {
      after.error[end] = least;
      after.begin[end] = best;
      after.is_zero[end] = level == ZeroLevel::fixed;
    }
    extend(before, level, after, low, end - 1, first, best);
    extend(before, level, after, end + 1, high, best, last);
  }

  const Runs& runs_;
  std::vector<int64_t> cuts_;
};

/// Where each level's values begin, nearest level first; and their end.
std::vector<int64_t> nearest_runs(const Runs& runs, const std::vector<double>& levels) {
  std::vector<int64_t> begins{0};
  for (size_t i = 1; i < levels.size(); ++i)
    begins.push_back(std::ranges::lower_bound(runs.values(), (levels[i - 1] + levels[i]) / 2) -
                     runs.values().begin());
  begins.push_back(runs.size());
  return begins;
}

/// Lloyd: each level moves to the mean of the values nearest to it, until no value changes its
/// level.
void settle(const Runs& runs, ZeroLevel zero, std::vector<double>& levels) {
  std::vector<int64_t> begins;
  double error = infinity;
  for (;;) {
    const std::vector<int64_t> now = nearest_runs(runs, levels);
    double sum = 0;
    for (size_t i = 0; i < levels.size(); ++i)
      sum += runs.error_about(levels[i], now[i], now[i + 1]);
    if (now == begins || sum > error) return;
    begins = now;
    error = sum;
    for (size_t i = 0; i < levels.size(); ++i) {
      const bool stays = begins[i] == begins[i + 1] || (zero == ZeroLevel::fixed && levels[i] == 0);
      if (!stays) levels[i] = runs.mean(begins[i], begins[i + 1]);
    }
  }
}

}  // namespace

std::vector<float> kmeans_levels(const Distribution& values, int64_t count, ZeroLevel zero) {
  const Runs runs(values);
  std::vector<double> levels = Partition(runs).levels(count, zero);
  settle(runs, zero, levels);
  std::vector<float> out;
  for (const double level : levels) out.push_back(static_cast<float>(level) + 0.0f);
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace quantdyn
