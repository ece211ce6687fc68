// A snapshot of one quantized variant: its twin's statistics and errors, and what was quantized.
#pragma once

#include "experiments/quantized_twin.h"
#include "experiments/result.h"

namespace quantdyn {

/// Quantizes the folded net as the variant says and fills a snapshot. `reference` is what the
/// folded float net predicts for the test set.
Snapshot variant_snapshot(const Network& folded, const Variant& variant, Fusing fusing,
                          const ImageSet& calibration, const ImageSet& probe, const Dataset& test,
                          const Predictions& reference, const StatisticKinds& kinds, int64_t epoch,
                          int64_t step);

}  // namespace quantdyn
