// What each ONNX operator becomes in a net.
#pragma once

#include <string>
#include <vector>

#include "experiments/onnx/builder.h"

namespace quantdyn {

/// The operators that add_onnx_node() knows, in order: those of the operator table.
std::vector<std::string> onnx_handler_names();

/// Adds a node after its inputs, with its weights; or computes it, if all inputs are constants.
///
/// An operator that computes nothing in evaluation becomes no node. ConfigError: an option that is
/// not supported or not known, shapes that do not fit, weights that are not constants or not
/// finite.
void add_onnx_node(OnnxBuilder& builder, const OnnxNode& node);

}  // namespace quantdyn
