#include "quant/ranges/kl_threshold.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace quantdyn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// x log y, 0 where x is.
double x_log(double x, double y) { return x == 0 ? 0 : x * std::log(y); }

/// Sums over the first bins of a histogram, so that a divergence costs one logarithm a group.
class PrefixSums {
 public:
  explicit PrefixSums(std::span<const uint64_t> counts) : counts_(counts) {
    for (uint64_t count : counts) {
      const auto c = static_cast<double>(count);
      sum_.push_back(sum_.back() + c);
      filled_.push_back(filled_.back() + (count > 0 ? 1 : 0));
      c_log_c_.push_back(c_log_c_.back() + x_log(c, c));
    }
  }

  /// Of tensorrt_bins(), of the first `kept` bins.
  double divergence(int64_t kept, int64_t levels) const {
    const double total = sum_.back(), inside = sum_[kept], beyond = total - inside;
    const auto last = static_cast<double>(counts_[kept - 1]);
    if (inside == 0 || (last == 0 && beyond > 0)) return infinity;
    double p_log_p = c_log_c_[kept - 1] + x_log(last + beyond, last + beyond), p_log_q = 0;
    double share = 0;  // of each bin that is not empty, of the last group in the end
    for (int64_t group = 0, from = 0; group < levels; ++group) {
      const int64_t to = ((group + 1) * kept + levels - 1) / levels;
      const double sum = sum_[to] - sum_[from];
      if (sum > 0) share = sum / (filled_[to] - filled_[from]);
      p_log_q += x_log(sum, share);
      from = to;
    }
    p_log_q += x_log(beyond, share);
    return (p_log_p - p_log_q) / total + std::log(inside / total);
  }

 private:
  std::span<const uint64_t> counts_;
  std::vector<double> sum_{0}, filled_{0}, c_log_c_{0};  // of the bins before
};

}  // namespace

int64_t tensorrt_bins(std::span<const uint64_t> magnitudes, int64_t levels) {
  const auto bins = static_cast<int64_t>(magnitudes.size());
  const PrefixSums sums(magnitudes);
  int64_t best = bins;
  double least = infinity;
  for (int64_t kept = std::min(levels, bins); kept <= bins; ++kept) {
    const double divergence = levels < bins ? sums.divergence(kept, levels) : 0;
    if (divergence > least) continue;
    least = divergence;
    best = kept;
  }
  return best;
}

}  // namespace quantdyn
