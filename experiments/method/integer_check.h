// The quantized net run in integers, compared with its float simulation: their difference in LSBs.
#pragma once

#include "experiments/method/quantized_twin.h"

namespace quantdyn {

/// Runs images through the simulated net and through its integer twin (IntegerNetwork), with single
/// and with double rounding. For the output codes of every unit, writes below layerwise/integer/
///   local_difference_<rounding>, accumulated_difference_<rounding>: the largest |difference|, LSB,
///     if the integer unit reads the simulated codes, or the integer net's own,
///   local_equal_<rounding>, accumulated_equal_<rounding>: the share of equal codes,
///   accumulator_largest: the largest |sum| before requantization, and accumulator_headroom,
///     31 - log2 of it, bit: the unused bits of int32,
/// and networkwise/integer_accuracy_<rounding>, integer_agreement_<rounding> (the same largest
/// logit as simulated) over the images. Roundings are `single` and `twice`.
void save_integer_check(QuantizedTwin& twin, const ImageSet& images, Frame& frame,
                        const WorkNote& note);

}  // namespace quantdyn
