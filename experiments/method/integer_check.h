// The quantized net run in integers beside its simulation in floats: how many LSBs they differ by.
#pragma once

#include "experiments/method/quantized_twin.h"

namespace quantdyn {

/// Runs images through the simulated net and through its integer twin (IntegerNetwork), with single
/// and with double rounding. Of every unit's output codes, writes below layerwise/integer/
///   local_difference_<rounding>, accumulated_difference_<rounding>: the largest |difference|, LSB,
///     where the integer unit reads the simulated codes, or the integer net's own,
///   local_equal_<rounding>, accumulated_equal_<rounding>: the share of equal codes,
///   accumulator_largest: the largest |sum| before it is requantized, and accumulator_headroom,
///     31 - log2 of it, bit: what int32 had to spare,
/// and networkwise/integer_accuracy_<rounding>, integer_agreement_<rounding> (the same largest
/// logit as simulated) over the images; roundings are `single` and `twice`.
void save_integer_check(QuantizedTwin& twin, const ImageSet& images, Frame& frame,
                        const WorkNote& note);

}  // namespace quantdyn
