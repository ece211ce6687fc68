// Which layer costs accuracy: the net with one tensor quantized, and with every other quantized.
#pragma once

#include "experiments/method/quantized_twin.h"

namespace quantdyn {

/// For every unit and kind of tensor (weight, output) that the variant quantizes, on the images:
/// accuracy, QMSE of the logits and KL(p||r) relative to the float twin, of
///   only: the float net with only this tensor quantized,
///   all_but: the quantized net with only this tensor float.
/// Writes
/// layerwise/{weight,output}/sensitivity_<only|all_but>_<accuracy|logits_qmse|kl_divergence>,
/// networkwise/sensitivity_all_logits_qmse of the quantized net on the same images, and
/// networkwise/additivity_gap: the sum of all `only` errors minus that one. It is 0 if the errors
/// of tensors (weights and outputs) add up, positive if they cancel. Units before the changed one
/// are not run again: their values are those of the float net, or of the quantized one.
void save_sensitivity(QuantizedTwin& twin, const ImageSet& images, Fusing fusing, Frame& frame,
                      const WorkNote& note);

}  // namespace quantdyn
