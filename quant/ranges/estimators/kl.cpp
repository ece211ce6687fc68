// kl: entropy calibration, the range whose coarse histogram diverges least from the fine one.
//
// A second pass counts even bins over the exact ends; then `rule` decides how many of them are
// kept: tensorrt_bins or onnxruntime_bins. The range is what is kept, within the ends.

#include <algorithm>

#include "framework/base/threads.h"
#include "quant/quantizers/quantizer_traits.h"
#include "quant/ranges/kl_threshold.h"
#include "quant/ranges/linear_histograms.h"
#include "quant/ranges/range_estimator.h"

namespace quantdyn {
namespace {

enum class Rule { tensorrt, onnxruntime };
/// What the first bin of magnitudes counts: TensorRT's slides count all, NVIDIA's toolkit for torch
/// as many values as in the second, since zeros cost nothing.
enum class FirstBin { counted, as_second };

struct KlOptions {
  Rule rule;
  int64_t bins, levels;  // levels 0: those of the quantizer
  FirstBin first_bin;
};

class KlObserver : public RangeObserver {
 public:
  KlObserver(const RangeTask& task, const KlOptions& options)
      : bits_(task.quantizer->bit_width()),
        has_one_sided_levels_(has_one_sided_levels(*task.quantizer)),
        options_(options),
        histograms_(task.tensor, task.channels, task.quantizer->granularity(),
                    options.rule == Rule::tensorrt ? LinearHistograms::Axis::magnitude
                                                   : LinearHistograms::Axis::symmetric,
                    {.count = options.bins, .rule = LinearBins::Rule::numpy}) {}

  void add(const Tile& tile) override { histograms_.add(tile); }
  void end_chunk(int64_t, int) override {}
  bool wants_another_pass() override { return histograms_.wants_another_pass(); }

  std::vector<Range> ranges() const override {
    std::vector<Range> out = histograms_.ends();
    parallel_for(static_cast<int64_t>(out.size()), [&](int64_t entry, int) {
      const Range ends = out[entry], kept = this->kept(entry, ends);
      if (ends.low < ends.high)
        out[entry] = {std::clamp(kept.low, ends.low, ends.high),
                      std::clamp(kept.high, ends.low, ends.high)};
    });
    return out;
  }

 private:
  Range kept(int64_t entry, const Range& ends) const {
    const LinearBins& bins = histograms_.bins(entry);
    std::vector<uint64_t> counts = histograms_.counts(entry);
    if (options_.rule == Rule::onnxruntime) {
      const KeptBins kept = onnxruntime_bins(counts, levels(ends));
      return {bins.edge(kept.first), bins.edge(kept.last + 1)};
    }
    if (options_.first_bin == FirstBin::as_second) counts[0] = counts[1];
    const double threshold = bins.edge(tensorrt_bins(counts, levels(ends)));
    return {-threshold, threshold};
  }
  /// Half of the quantizer's levels are on either side of zero; all on one where values are.
  int64_t levels(const Range& ends) const {
    if (options_.levels > 0) return options_.levels;
    const bool is_one_sided =
        options_.rule == Rule::tensorrt && has_one_sided_levels_ && ends.low >= 0;
    return int64_t{1} << (is_one_sided ? bits_ : bits_ - 1);
  }

  int bits_;
  bool has_one_sided_levels_;  // where values are on one side
  KlOptions options_;
  LinearHistograms histograms_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  KlOptions out;
  out.rule = options.choice<Rule>(
      "rule", Rule::tensorrt, {{"tensorrt", Rule::tensorrt}, {"onnxruntime", Rule::onnxruntime}},
      "tensorrt: magnitudes, as published; onnxruntime: a window about zero, smoothed");
  out.bins = options.integer("bins", 2048, accept::between<int64_t>(2, 1 << 16),
                             "even bins of the magnitudes, or of both signs for onnxruntime");
  out.levels = options.integer(
      "levels", 0, accept::between<int64_t>(0, 1 << 16),
      "groups of bins; 0: 2^(bits - 1), or 2^bits for tensorrt if values and levels all have one "
      "sign");
  out.first_bin = options.choice<FirstBin>(
      "first_bin", FirstBin::as_second,
      {{"as_second", FirstBin::as_second}, {"counted", FirstBin::counted}},
      "as_second: the bin at zero counts as much as the next, because zeros cost nothing; "
      "tensorrt only");
  options.finish();
  if (out.rule == Rule::onnxruntime)
    options.leave_out("first_bin", "has no meaning with rule: onnxruntime");
  return estimator_of(
      [out](const RangeTask& task) { return std::make_unique<KlObserver>(task, out); });
}

const Registered<RangeEstimator> kl{
    "kl", "entropy calibration: the range whose coarse histogram diverges least", make};

}  // namespace
}  // namespace quantdyn
