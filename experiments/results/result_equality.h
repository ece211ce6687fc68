// Whether two results hold the same numbers to the last bit.
#pragma once

#include <string>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// "" if both have all arrays of /networkwise, /layerwise, /channelwise, /training, /weights,
/// /quantization, /images and /tensors, with the same shapes and equal bit by bit (NaN equals NaN),
/// durations (units "s") excepted. Otherwise a sentence about the first that differs, by path.
std::string first_difference(const ResultReader& a, const ResultReader& b);

}  // namespace quantdyn
