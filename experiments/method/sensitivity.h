// Which layer costs the accuracy: the net with one tensor quantized, and with all but that one.
#pragma once

#include "experiments/method/quantized_twin.h"

namespace quantdyn {

/// For every unit and kind of tensor (weight, output) that the variant quantizes, on the images:
/// accuracy, QMSE of the logits and KL(p||r) beside the float twin of
///   only: the float net with this tensor quantized alone,
///   all_but: the quantized net with this tensor float.
/// Writes
/// layerwise/{weight,output}/sensitivity_<only|all_but>_<accuracy|logits_qmse|kl_divergence>,
/// networkwise/sensitivity_all_logits_qmse of the quantized net on the same images, and
/// networkwise/additivity_gap: the sum of all `only` errors less that one, 0 where errors of
/// tensors (weights and outputs) add up; positive where they cancel each other. Units before the
/// one that changes are not run again: their values are those of the float, or of the quantized,
/// net.
void save_sensitivity(QuantizedTwin& twin, const ImageSet& images, Fusing fusing, Frame& frame,
                      const WorkNote& note);

}  // namespace quantdyn
