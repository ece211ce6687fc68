// aciq: analytical clipping, optimal for a Laplace or a normal distribution.
//
// [mean - alpha, mean + alpha], alpha = laplace_clip(bits) b or gauss_clip(bits) sigma (Banner et
// al. 2019, arXiv 1810.05723). What a relu leaves is half a distribution: [0, alpha], fitted to the
// values over zero, and all levels lie on one side, as if the whole distribution had one bit more
// (not where the quantizer's are on both sides, as a symmetric one's).

#include "quant/ranges/aciq.h"

#include <algorithm>

#include "framework/base/threads.h"
#include "quant/quantizers/quantizer_traits.h"
#include "quant/ranges/entry_values.h"

namespace quantdyn {
namespace {

enum class Shape { automatic, laplace, gauss };
/// Which values are fitted as half a distribution; automatic: those that are never negative.
enum class Half { automatic, never };

struct AciqOptions {
  Shape shape;
  Half half;
  bool is_within_ends;
};

class AciqObserver : public RangeObserver {
 public:
  AciqObserver(const RangeTask& task, const AciqOptions& options)
      : bits_(task.quantizer->bit_width()),
        half_bits_(bits_ + (has_one_sided_levels(*task.quantizer) ? 1 : 0)),
        options_(options),
        values_(task) {}

  void add(const Tile& tile) override { values_.add(tile); }
  void end_chunk(int64_t, int) override {}
  bool wants_another_pass() override { return values_.wants_another_pass(); }

  std::vector<Range> ranges() const override {
    std::vector<Range> out = values_.ends();
    parallel_for(static_cast<int64_t>(out.size()),
                 [&](int64_t entry, int) { out[entry] = clipped_to(entry, out[entry]); });
    return out;
  }

 private:
  Range clipped_to(int64_t entry, const Range& ends) const {
    const Distribution values = values_.distribution(entry, ends, 1);
    const bool is_half = options_.half == Half::automatic && ends.low >= 0;
    const ScaleFit fit = is_half ? fit_above_zero(values) : fit_about_mean(values);
    const bool is_laplace =
        options_.shape == Shape::automatic ? fit.is_laplace() : options_.shape == Shape::laplace;
    const int bits = is_half ? half_bits_ : bits_;
    const double alpha =
        is_laplace ? laplace_clip(bits) * fit.laplace : gauss_clip(bits) * fit.gauss;
    const Range range{is_half ? 0 : fit.center - alpha, fit.center + alpha};
    if (!options_.is_within_ends) return range;
    return {is_half ? 0 : std::clamp(range.low, ends.low, ends.high),
            std::clamp(range.high, ends.low, ends.high)};
  }

  int bits_, half_bits_;  // of a whole and of half a distribution
  AciqOptions options_;
  EntryValues values_;
};

std::unique_ptr<RangeEstimator> make(const Options& options) {
  AciqOptions out;
  out.shape = options.choice<Shape>(
      "distribution", Shape::automatic,
      {{"auto", Shape::automatic}, {"laplace", Shape::laplace}, {"gauss", Shape::gauss}},
      "distribution of the values; auto: the likelier of the two");
  out.half = options.choice<Half>(
      "half_range", Half::automatic, {{"auto", Half::automatic}, {"never", Half::never}},
      "auto: without negative values, as after a relu, half a distribution is fitted");
  out.is_within_ends =
      options.flag("within_ends", true, "never beyond the smallest and the largest value");
  options.finish();
  return estimator_of(
      [out](const RangeTask& task) { return std::make_unique<AciqObserver>(task, out); });
}

const Registered<RangeEstimator> aciq{
    "aciq", "analytical clipping, optimal for a Laplace or a normal distribution", make};

}  // namespace
}  // namespace quantdyn
