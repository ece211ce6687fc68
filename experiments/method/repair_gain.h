// What a variant's repairs gained: its logits and folded weights beside those without repairs.
#pragma once

#include "experiments/method/evaluation.h"
#include "experiments/method/variant_snapshot.h"

namespace quantdyn {

/// Quantizes the net as the variant says but without its repairs, on the first `compare_images`
/// calibration images, and compares the logits of the first `compare_images` probe images with the
/// float net's. Writes networkwise/repairs_sqnr_before and repairs_sqnr_after (dB; after: of
/// `repaired`, which are the variant's predictions for the test set). Nothing if the variant has no
/// repairs or compares no images.
void save_repair_gain(const VariantTask& task, const Predictions& repaired, Frame& frame);

/// Writes layerwise/repairs/{channel_precision,effective_bits}_{before,after} of the quantized
/// weights, for a variant with repairs: means over the channels that are not dead, of the folded
/// weights and of `repaired`, both before quantization.
void save_precision_gain(const VariantTask& task, const Network& repaired, Frame& frame);

}  // namespace quantdyn
