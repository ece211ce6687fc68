// Quantiles to the last bit: the bins that hold them are searched again, in finer and finer parts.
#pragma once

#include <memory>

#include "stats/tracking/statistic.h"

namespace quantdyn {

/// Every pass over the values cuts the interval that holds a wanted value into 32 parts, until one
/// float is left. Error if a layer has more than 2^32 - 1 values.
std::unique_ptr<Refinement> exact_quantiles(const CountedTensor& counted, int workers);

}  // namespace quantdyn
