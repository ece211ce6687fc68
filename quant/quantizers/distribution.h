// The values of a tensor by entry, for quantizers that are fitted to more than a range.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/base/tensor.h"
#include "quant/quantizers/range.h"
#include "stats/counts/log_histogram.h"

namespace quantdyn {

/// Finite values in ascending order, all different, and how often each occurred.
struct Distribution {
  std::vector<float> values;
  std::vector<uint64_t> counts;
};

/// The median: half of the values are not above it. Needs a value.
float median_of(const Distribution& distribution);
/// Of finite values in any order.
Distribution exact_distribution(std::vector<float> values);
/// The values of a tensor [..., channels] by entry; they must be finite.
std::vector<Distribution> exact_distributions(View<const float> values,
                                              const Granularity& granularity);

/// `points` values, evenly spread over a bin, stand for what lies in it, each with the bin's count:
/// all counts are `points` times what they were. One point is the bin's middle: in bins of 1/128
/// octave within 0.4 % of each value.
Distribution binned_distribution(const LogHistogram& histogram, int points = 1);

/// The values with those beyond the range moved to its ends.
Distribution clipped_to(const Distribution& distribution, const Range& range);

}  // namespace quantdyn
