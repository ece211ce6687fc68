// How far sums of codes are from the same simulation in float32.
#pragma once

#include "experiments/method/quantized_twin.h"

namespace quantdyn {

/// Runs the first 64 probe images through the twin and through its net with products of values, and
/// writes how their logits differ. Nothing if the twin sums no codes.
void save_simulation_difference(QuantizedTwin& twin, Fusing fusing, const ImageSet& probe,
                                Frame& frame);

}  // namespace quantdyn
