// cross_entropy: the range of the logits that changes a net's answers least.
//
// argmin over candidate ranges of -mean_n sum_k p_k log r_k, p the softmax of an image's logits, r
// that of the quantized ones (Nagel et al. 2021, "A white paper on neural network quantization",
// arXiv 2106.08295, section 3.1). The logits of all calibration images are kept: 4 bytes for each
// image and class. Where classes have ranges of their own, all are drawn in by the same factors.

#include <algorithm>
#include <utility>

#include "framework/base/threads.h"
#include "quant/quantizers/distribution.h"
#include "quant/ranges/extremes.h"
#include "quant/ranges/logits_error.h"
#include "quant/ranges/range_estimator.h"
#include "quant/ranges/range_search.h"
#include "quant/ranges/recorder.h"

namespace quantdyn {
namespace {

class CrossEntropyObserver : public RangeObserver {
 public:
  CrossEntropyObserver(RangeTask task, const SearchOptions& search)
      : task_(std::move(task)),
        search_(search),
        granularity_(task_.quantizer->granularity()),
        ends_(task_.tensor, task_.channels),
        logits_(Shape{task_.channels}) {}

  void add(const Tile& tile) override {
    if (tile.first_row + tile.rows > images_per_chunk)
      throw_error<Error>(
          "{}: cross_entropy found more than one row of values per image; accepted: logits",
          task_.tensor);
    ends_.add(tile);
    logits_.add(tile);
  }
  void end_chunk(int64_t, int) override {}
  std::vector<Range> ranges() const override;

 private:
  std::vector<RangeCandidates> candidates(const std::vector<Range>& ends,
                                          const std::vector<Distribution>& values) const;

  RangeTask task_;
  SearchOptions search_;
  Granularity granularity_;
  Extremes ends_;
  Recorder logits_;
};

std::vector<RangeCandidates> CrossEntropyObserver::candidates(
    const std::vector<Range>& ends, const std::vector<Distribution>& values) const {
  std::vector<RangeCandidates> out;
  for (size_t i = 0; i < ends.size(); ++i)
    out.emplace_back(ends[i], median_of(values[i]), *task_.quantizer, search_);
  return out;
}

std::vector<Range> CrossEntropyObserver::ranges() const {
  const std::vector<Range> ends = ends_.by_entry(granularity_);
  const Tensor<float> logits = Recorder(logits_).finish();
  FittingTask fitting{
      task_.tensor, task_.channels, {}, exact_distributions(logits.view(), granularity_)};
  const std::vector<RangeCandidates> candidates = this->candidates(ends, fitting.values);
  const auto ranges_at = [&](int64_t low, int64_t high) {
    std::vector<Range> out;
    for (size_t i = 0; i < ends.size(); ++i)
      out.push_back(ends[i].low < ends[i].high ? candidates[i].at(low, high) : ends[i]);
    return out;
  };
  const LogitsError error(logits.view());
  Tensor<float> quantized(logits.shape());
  int64_t low_count = 1, high_count = 1;
  for (const RangeCandidates& entry : candidates) {
    low_count = std::max(low_count, entry.low_count());
    high_count = std::max(high_count, entry.high_count());
  }
  const auto [low, high] = best_candidate(low_count, high_count, [&](int64_t i, int64_t j) {
    fitting.ranges = ranges_at(i, j);
    quantized = logits;
    task_.quantizer->fit(fitting)->apply(whole_tile(quantized.view()));
    return error(std::as_const(quantized).view());
  });
  return ranges_at(low, high);
}

class CrossEntropy : public RangeEstimator {
 public:
  explicit CrossEntropy(const SearchOptions& search) : search_(search) {}

  std::string refusal(TensorKind kind) const override {
    return kind == TensorKind::logits
               ? ""
               : "cross_entropy weighs a net's answers; accepted: the output of the last node";
  }
  std::unique_ptr<RangeObserver> observe(const RangeTask& task) const override {
    return std::make_unique<CrossEntropyObserver>(task, search_);
  }

 private:
  SearchOptions search_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const SearchOptions search = SearchOptions::read(options);
  options.finish();
  return std::make_unique<CrossEntropy>(search);
}

const Registered<RangeEstimator> cross_entropy{
    "cross_entropy", "for logits: the range that changes a net's answers least", make};

}  // namespace
}  // namespace quantdyn
