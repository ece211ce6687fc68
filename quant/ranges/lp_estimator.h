// Ranges of the smallest Lp error: the estimators `mse` and `lp`.
#pragma once

#include <memory>

#include "quant/ranges/range_estimator.h"
#include "quant/ranges/range_search.h"

namespace quantdyn {

/// For each entry the candidate range (RangeCandidates) that minimises sum |x - Q(x)|^p, Q the
/// task's quantizer fitted to it. Weights are taken as they are, activations by fine histograms
/// whose values are spread evenly within a bin.
std::unique_ptr<RangeEstimator> make_lp_estimator(double p, const SearchOptions& search);

}  // namespace quantdyn
