// mse: the range of the smallest mean squared error.
//
// argmin over candidate ranges of sum (x - Q(x))^2 (Nagel et al. 2021, "A white paper on neural
// network quantization", arXiv 2106.08295, section 3.1; the candidates are RangeCandidates).

#include "quant/ranges/lp_estimator.h"

namespace quantdyn {
namespace {

std::unique_ptr<RangeEstimator> make(const Options& options) {
  const SearchOptions search = SearchOptions::read(options);
  options.finish();
  return make_lp_estimator(2, search);
}

const Registered<RangeEstimator> mse{"mse", "the range of the smallest mean squared error", make};

}  // namespace
}  // namespace quantdyn
