// Quantizer `mid_rise`: four levels without a zero, -3/2, -1/2, 1/2 and 3/2 of a step that is a
// multiple of mean|x|.
#include <quantdyn/quantizer.h>

#include <cmath>

namespace {

using namespace quantdyn;

class MidRise final : public Quantizer {
 public:
  MidRise(const Granularity& granularity, double factor)
      : granularity_(granularity), factor_(factor) {}

  int bit_width() const override { return 2; }
  Granularity granularity() const override { return granularity_; }
  double width(const Range& range) const override {
    return 2 * std::max(std::abs(range.low), std::abs(range.high));
  }
  bool needs_values() const override { return true; }
  std::unique_ptr<Quantization> fit(const FittingTask& task) const override {
    std::vector<LevelSet> by_entry;
    for (const Distribution& values : task.values) by_entry.push_back(fit_one(task, values));
    return std::make_unique<LevelQuantization>(granularity_, task.channels, bit_width(), 0,
                                               std::move(by_entry));
  }

 private:
  LevelSet fit_one(const FittingTask& task, const Distribution& values) const {
    double sum = 0, count = 0;
    for (size_t i = 0; i < values.values.size(); ++i) {
      sum += static_cast<double>(values.counts[i]) * std::abs(values.values[i]);
      count += static_cast<double>(values.counts[i]);
    }
    if (!(sum > 0)) throw Error(task.tensor + ": all values are 0; mid_rise accepts others");
    const auto step = static_cast<float>(factor_ * sum / count);
    return LevelSet::nearest({-1.5f * step, -0.5f * step, 0.5f * step, 1.5f * step});
  }

  Granularity granularity_;
  double factor_;
};

std::unique_ptr<Quantizer> make(const Options& options) {
  const Granularity granularity = Granularity::read(options);
  const double factor =
      options.number("step", 1.0, {.low = 0.01, .high = 10}, "between levels, in units of mean|x|");
  options.finish();
  return std::make_unique<MidRise>(granularity, factor);
}

const Registered<Quantizer> mid_rise{"mid_rise", "four levels around zero", make};

}  // namespace
