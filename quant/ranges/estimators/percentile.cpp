// percentile: the interval that holds the middle p percent of the values.

#include "quant/ranges/entry_histograms.h"
#include "quant/ranges/range_estimator.h"

namespace quantdyn {
namespace {

/// An end is within 0.8 % of the exact percentile: a bin of 1/128 octave.
class PercentileObserver : public RangeObserver {
 public:
  PercentileObserver(const RangeTask& task, double percent)
      : tail_((100 - percent) / 200),
        values_(task.tensor, task.channels, task.quantizer->granularity()) {}

  void add(const Tile& tile) override { values_.add(tile); }
  void end_chunk(int64_t, int) override {}
  bool wants_another_pass() override { return values_.wants_another_pass(); }

  std::vector<Range> ranges() const override {
    std::vector<Range> out;
    for (const LogHistogram& histogram : values_.histograms())
      out.push_back({histogram.quantile(tail_).value, histogram.quantile(1 - tail_).value});
    return out;
  }

 private:
  double tail_;  // the fraction cut off at each end
  EntryHistograms values_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const double percent =
      options.number("p", 99.99, {.low = 0, .high = 100, .low_excluded = true},
                     "percent of the values to keep: (100 - p) / 2 are cut off at each end");
  options.finish();
  return estimator_of(
      [percent](const RangeTask& task) {
        return std::make_unique<PercentileObserver>(task, percent);
      },
      Levels::ignored);
}

const Registered<RangeEstimator> percentile{
    "percentile", "the middle p percent of the values, from a histogram of 128 bins per octave",
    make};

}  // namespace
}  // namespace quantdyn
