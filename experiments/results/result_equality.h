// Whether two results hold the same numbers to the last bit.
#pragma once

#include <string>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// "" where all arrays of /networkwise, /layerwise, /channelwise, /training, /weights and
/// /quantization are there in both, of the same shape and equal bit by bit (NaN equal to NaN), but
/// for durations (units "s"). Else a sentence on the first one that differs, by path.
std::string first_difference(const ResultReader& a, const ResultReader& b);

}  // namespace quantdyn
