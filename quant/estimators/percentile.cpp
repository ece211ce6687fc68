// percentile: the interval that holds the middle p percent of the values.

#include "framework/threads.h"
#include "quant/extremes.h"
#include "quant/quantizer.h"
#include "quant/range_estimator.h"
#include "stats/kernels.h"
#include "stats/log_histogram.h"

namespace quantdyn {
namespace {

/// Bins of 1/128 octave: an end is within 0.8 % of the exact percentile.
constexpr LogBins bins{.mantissa_bits = 7};

class PercentileObserver : public RangeObserver {
 public:
  PercentileObserver(const RangeTask& task, double percent)
      : tail_((100 - percent) / 200),
        entries_(range_count(task.quantizer->granularity(), task.channels)),
        extremes_(task.tensor, task.channels),
        counts_(static_cast<size_t>(worker_count())) {}

  void add(const Tile& tile) override {
    std::vector<uint64_t>& counts = counts_[tile.worker];
    if (counts.empty()) counts.resize(static_cast<size_t>(entries_ * bins.size()));
    const int64_t first = entries_ == 1 ? 0 : tile.first_channel;
    kernels::count_bins(tile, bins, counts.data() + first * bins.size(),
                        entries_ == 1 ? 0 : bins.size());
    extremes_.add(tile);
  }
  void end_chunk(int64_t, int) override {}

  std::vector<Range> ranges() const override {
    std::vector<Range> out = extremes_.by_channel();
    if (entries_ == 1) out = {union_of(out)};
    for (int64_t entry = 0; entry < entries_; ++entry) {
      const LogHistogram histogram = merged(entry, out[entry]);
      out[entry] = {histogram.quantile(tail_).value, histogram.quantile(1 - tail_).value};
    }
    return out;
  }

 private:
  /// All workers' counts of an entry; its exact ends bound the outermost bins.
  LogHistogram merged(int64_t entry, const Range& ends) const {
    std::vector<uint64_t> sum(static_cast<size_t>(bins.size()));
    for (const std::vector<uint64_t>& counts : counts_) {
      if (counts.empty()) continue;
      for (int32_t bin = 0; bin < bins.size(); ++bin) sum[bin] += counts[entry * bins.size() + bin];
    }
    return {bins, sum, static_cast<float>(ends.low), static_cast<float>(ends.high)};
  }

  double tail_;  // the fraction cut off at each end
  int64_t entries_;
  Extremes extremes_;
  std::vector<std::vector<uint64_t>> counts_;  // by worker; empty until it adds
};

class Percentile : public RangeEstimator {
 public:
  explicit Percentile(double percent) : percent_(percent) {}
  std::unique_ptr<RangeObserver> observe(const RangeTask& task) const override {
    return std::make_unique<PercentileObserver>(task, percent_);
  }

 private:
  double percent_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const double percent =
      options.number("p", 99.99, {.low = 0, .high = 100, .low_excluded = true},
                     "percent of the values to keep: (100 - p) / 2 are cut off at each end");
  options.finish();
  return std::make_unique<Percentile>(percent);
}

const Registered<RangeEstimator> percentile{
    "percentile", "the middle p percent of the values, from a histogram of 128 bins an octave",
    make};

}  // namespace
}  // namespace quantdyn
