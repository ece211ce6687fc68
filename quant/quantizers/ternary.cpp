// ternary: -a, 0 or a. Li & Liu 2016 (arXiv 1605.04711), equations 4 to 6: zero up to
// t = 0.7 mean|x|, and a the mean of |x| over t.

#include <cmath>
#include <memory>

#include "quant/quantizers/level_quantization.h"

namespace quantdyn {
namespace {

class Ternary : public Quantizer {
 public:
  Ternary(const Granularity& granularity, double factor)
      : granularity_(granularity), factor_(factor) {}

  int bit_width() const override { return 2; }
  Granularity granularity() const override { return granularity_; }
  double width(const Range& range) const override {
    return 2 * std::max(std::abs(range.low), std::abs(range.high));
  }
  bool needs_values() const override { return true; }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override {
    std::vector<LevelSet> by_entry;
    for (size_t i = 0; i < task.ranges.size(); ++i)
      by_entry.push_back(fit_one(clipped_to(task.values[i], task.ranges[i])));
    return std::make_unique<LevelQuantization>(granularity_, task.channels, bit_width(), -1,
                                               std::move(by_entry));
  }

 private:
  /// Of the values whose size is over `bound`; 0 where none is.
  static double mean_size(const Distribution& points, double bound) {
    double sum = 0, weight = 0;
    for (size_t i = 0; i < points.values.size(); ++i) {
      const double size = std::abs(points.values[i]);
      const double count = size > bound ? static_cast<double>(points.counts[i]) : 0;
      sum += count * size;
      weight += count;
    }
    return weight > 0 ? sum / weight : 0;
  }
  LevelSet fit_one(const Distribution& points) const {
    const auto bound = static_cast<float>(factor_ * mean_size(points, -1));
    const auto level = static_cast<float>(mean_size(points, bound));
    return {{0 - level, 0, level}, {-bound, std::nextafter(bound, HUGE_VALF)}};
  }

  Granularity granularity_;
  double factor_;
};

std::unique_ptr<Quantizer> make(const Options& options) {
  const Granularity granularity = Granularity::read(options);
  const double factor = options.number("threshold", 0.7, {.low = 0, .high = 10},
                                       "values up to threshold * mean|x| become 0");
  options.finish();
  return std::make_unique<Ternary>(granularity, factor);
}

const Registered<Quantizer> ternary{"ternary", "-a, 0 or a, fitted to the values", make};

}  // namespace
}  // namespace quantdyn
