// Computes the nodes that read only constants, or the shape of a value.
#pragma once

#include "experiments/onnx/builder.h"

namespace quantdyn {

/// Computes a node of constants and sets its result, a constant; false if it reads a computed value
/// (but Shape may) or is QuantizeLinear or DequantizeLinear, which note scales. ConfigError: a node
/// that cannot be computed from these constants, a result of over 2^24 values.
bool compute_constant(OnnxBuilder& builder, const OnnxNode& node);

}  // namespace quantdyn
