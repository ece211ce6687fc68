// What a narrower range would save: rounding against clipping, from a histogram of the file.
#pragma once

#include "experiments/explain/facts.h"

namespace quantdyn {

/// The smallest squared error over ranges whose ends are drawn in by 2^(-k/4), k from 0 to 24, over
/// that of the whole range: (1/N) sum over bins of the count times (d^2 where the bin's middle lies
/// d outside the range, otherwise step^2 / 12). Zero needs no step. From `histogram`, a name in
/// LayerFacts::counts; NaN without it. At most 1.
double remaining_when_clipped(const NetFacts& net, const LayerFacts& layer,
                              const std::string& histogram, const SchemeFacts& scheme);

}  // namespace quantdyn
