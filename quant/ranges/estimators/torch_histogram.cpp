// torch_histogram: the range that torch's HistogramObserver finds.
//
// torch.ao.quantization.HistogramObserver on one batch that holds all images; the search is
// torch_range. Torch rescales its histogram from batch to batch, so that its range depends on them;
// here a second pass counts over exact ends. Torch searches for 256 levels, this for the
// quantizer's; torch has one histogram per tensor, this one per entry.

#include "framework/base/threads.h"
#include "quant/ranges/range_estimator.h"
#include "quant/ranges/torch_search.h"

namespace quantdyn {
namespace {

class TorchHistogramObserver : public RangeObserver {
 public:
  TorchHistogramObserver(const RangeTask& task, int64_t bins)
      : levels_(int64_t{1} << task.quantizer->bit_width()),
        histograms_(task.tensor, task.channels, task.quantizer->granularity(),
                    LinearHistograms::Axis::ends, {.count = bins}) {}

  void add(const Tile& tile) override { histograms_.add(tile); }
  void end_chunk(int64_t, int) override {}
  bool wants_another_pass() override { return histograms_.wants_another_pass(); }

  std::vector<Range> ranges() const override {
    std::vector<Range> out = histograms_.ends();
    parallel_for(static_cast<int64_t>(out.size()), [&](int64_t entry, int) {
      if (out[entry].low < out[entry].high)
        out[entry] = torch_range(histograms_.bins(entry), histograms_.counts(entry), levels_);
    });
    return out;
  }

 private:
  int64_t levels_;
  LinearHistograms histograms_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const int64_t bins = options.integer("bins", 2048, accept::between<int64_t>(2, 1 << 20),
                                       "even bins from the smallest to the largest value");
  options.finish();
  return estimator_of([bins](const RangeTask& task) {
    return std::make_unique<TorchHistogramObserver>(task, bins);
  });
}

const Registered<RangeEstimator> torch_histogram{
    "torch_histogram", "the range that torch's HistogramObserver finds on one batch", make};

}  // namespace
}  // namespace quantdyn
