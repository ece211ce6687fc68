#include "quant/ranges/lp_estimator.h"

#include <utility>

#include "framework/base/threads.h"
#include "quant/ranges/entry_values.h"
#include "quant/ranges/range_error.h"

namespace quantdyn {
namespace {

/// Bins are up to 1/128 of an end wide, levels of b bits 2^-b of it apart: more than two points
/// from one level to the next up to 7 bits, and with more bits at all places between two levels.
int points_per_bin(int bit_width) { return bit_width < 6 ? 1 : 2; }

class LpObserver : public RangeObserver {
 public:
  LpObserver(RangeTask task, double p, const SearchOptions& search)
      : task_(std::move(task)), p_(p), search_(search), values_(task_) {}

  void add(const Tile& tile) override { values_.add(tile); }
  void end_chunk(int64_t, int) override {}
  bool wants_another_pass() override { return values_.wants_another_pass(); }

  std::vector<Range> ranges() const override {
    std::vector<Range> out = values_.ends();
    parallel_for(static_cast<int64_t>(out.size()), [&](int64_t entry, int) {
      if (out[entry].low < out[entry].high) out[entry] = best(entry, out[entry]);
    });
    return out;
  }

 private:
  Range best(int64_t entry, const Range& ends) const {
    const Quantizer& quantizer = *task_.quantizer;
    const Distribution values =
        values_.distribution(entry, ends, points_per_bin(quantizer.bit_width()));
    RangeError error(quantizer, task_.tensor, values, p_);
    return best_range(RangeCandidates(ends, median_of(values), quantizer, search_),
                      [&](const Range& range) { return error(range); });
  }

  RangeTask task_;
  double p_;
  SearchOptions search_;
  EntryValues values_;
};

}  // namespace

std::unique_ptr<RangeEstimator> make_lp_estimator(double p, const SearchOptions& search) {
  return estimator_of(
      [=](const RangeTask& task) { return std::make_unique<LpObserver>(task, p, search); });
}

}  // namespace quantdyn
