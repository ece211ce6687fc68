// Torch's search for a range on a histogram.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/quantizers/range.h"
#include "quant/ranges/linear_histograms.h"

namespace quantdyn {

/// What HistogramObserver._non_linear_param_search of torch.ao.quantization finds on `bins` (rule
/// torch) with `counts`, for `levels` levels: greedily takes the next 1e-5 of the values from the
/// end where that moves the range by more bins, until the error grows.
///
/// The error is that of values spread evenly within each bin, rounded to the middles of `levels`
/// even steps over the range: sum over bins of density times the integral of (x - middle)^2.
/// Steps, comparisons and types are torch's (1.13 to 2.15), elementwise in float32. Only sums are
/// not: they are made in double, so that they do not depend on a vector's width, and counts are
/// exact beyond 2^24.
Range torch_range(const LinearBins& bins, const std::vector<uint64_t>& counts, int64_t levels);

}  // namespace quantdyn
