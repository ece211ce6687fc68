// What a snapshot's statistics say on other scales: channels relative to their layer, layers over
// the depth of the net, the batch norm.
#pragma once

#include "framework/graph/network.h"
#include "framework/h5/frame.h"

namespace quantdyn {

/// For the net as trained: weight, folded_weight, norm and output, and its batch norms.
void save_float_scales(const Network& network, Frame& frame);

/// For a variant: folded_weight (after its repairs, before quantization) and output. Quantized
/// weights are left out: their histograms would show the grids of their channels.
void save_variant_scales(const Network& network, Frame& frame);

}  // namespace quantdyn
