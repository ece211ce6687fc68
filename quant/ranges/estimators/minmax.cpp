// minmax: the smallest and the largest value observed.

#include "quant/ranges/extremes.h"
#include "quant/ranges/range_estimator.h"

namespace quantdyn {
namespace {

class MinMaxObserver : public RangeObserver {
 public:
  explicit MinMaxObserver(const RangeTask& task)
      : extremes_(task.tensor, task.channels), granularity_(task.quantizer->granularity()) {}

  void add(const Tile& tile) override { extremes_.add(tile); }
  void end_chunk(int64_t, int) override {}
  std::vector<Range> ranges() const override { return extremes_.by_entry(granularity_); }

 private:
  Extremes extremes_;
  Granularity granularity_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  options.finish();
  return estimator_of([](const RangeTask& task) { return std::make_unique<MinMaxObserver>(task); },
                      Levels::ignored);
}

const Registered<RangeEstimator> minmax{"minmax", "the smallest and the largest value", make};

}  // namespace
}  // namespace quantdyn
