// The layers of a net as nodes of an ONNX graph.
#pragma once

#include "experiments/formats/affine_tensor.h"
#include "experiments/onnx/export_graph.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// Adds a net with its weights and quantized tensors to an empty graph. ConfigError as
/// export_onnx().
void add_network(OnnxGraph& graph, const Network& network, const AffineTensors& quantized);

}  // namespace quantdyn
