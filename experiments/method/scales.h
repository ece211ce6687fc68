// What follows from a snapshot's statistics at other scales: channels against their layer, layers
// over the depth of the net, the batch norm.
#pragma once

#include "framework/graph/network.h"
#include "framework/h5/frame.h"

namespace quantdyn {

/// Of the net as trained: weight, folded_weight, norm and output, and its batch norms.
void save_float_scales(const Network& network, Frame& frame);

/// Of a variant: folded_weight (as its repairs left it, before it was quantized) and output. Its
/// quantized weights are left out: on the bins they would show the grids of their channels.
void save_variant_scales(const Network& network, Frame& frame);

}  // namespace quantdyn
