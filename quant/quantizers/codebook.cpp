// codebook: k levels anywhere, by k-means over the values. Han et al. 2016 (arXiv 1510.00149),
// section 3, but optimal instead of from a linear start.

#include <bit>
#include <memory>

#include "quant/quantizers/kmeans.h"
#include "quant/quantizers/level_quantization.h"

namespace quantdyn {
namespace {

class Codebook : public Quantizer {
 public:
  Codebook(const Granularity& granularity, int64_t count, ZeroLevel zero)
      : granularity_(granularity), count_(count), zero_(zero) {}

  int bit_width() const override {
    return static_cast<int>(std::bit_width(static_cast<uint64_t>(count_ - 1)));
  }
  Granularity granularity() const override { return granularity_; }
  double width(const Range& range) const override { return range.high - range.low; }
  bool needs_values() const override { return true; }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override {
    std::vector<LevelSet> by_entry;
    for (size_t i = 0; i < task.ranges.size(); ++i)
      by_entry.push_back(LevelSet::nearest(
          kmeans_levels(clipped_to(task.values[i], task.ranges[i]), count_, zero_)));
    return std::make_unique<LevelQuantization>(granularity_, task.channels, bit_width(), 0,
                                               std::move(by_entry));
  }

 private:
  Granularity granularity_;
  int64_t count_;
  ZeroLevel zero_;
};

std::unique_ptr<Quantizer> make(const Options& options) {
  const int64_t count = options.integer("levels", 16, accept::between<int64_t>(2, 256),
                                        "number of levels; codes have as many bits as they need");
  const Granularity granularity = Granularity::read(options);
  const bool has_zero = options.flag("zero_level", false, "0 is one of the levels");
  options.finish();
  return std::make_unique<Codebook>(granularity, count,
                                    has_zero ? ZeroLevel::fixed : ZeroLevel::free);
}

const Registered<Quantizer> codebook{"codebook", "the levels of least squared error, by k-means",
                                     make};

}  // namespace
}  // namespace quantdyn
