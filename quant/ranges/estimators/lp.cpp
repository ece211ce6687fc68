// lp: the range of the smallest Lp error.
//
// argmin over candidate ranges of sum |x - Q(x)|^p (Nahshon et al. 2021, "Loss aware post-training
// quantization", arXiv 1911.07190: its layer-wise phase, with p from 2 to 4; the candidates are
// RangeCandidates). Larger p weighs clipped values more: p = 2 is `mse`.

#include "quant/ranges/lp_estimator.h"

namespace quantdyn {
namespace {

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const double p = options.number("p", 3, {.low = 0, .high = 16, .low_excluded = true},
                                  "the power that errors are raised to; multiples of 1/2 are fast");
  const SearchOptions search = SearchOptions::read(options);
  options.finish();
  return make_lp_estimator(p, search);
}

const Registered<RangeEstimator> lp{"lp", "the range of the smallest Lp error", make};

}  // namespace
}  // namespace quantdyn
