// The scales of a quantized ONNX model as those of a variant of a net.
#pragma once

#include <filesystem>

#include "framework/graph/network.h"
#include "quant/variants/given_scales.h"

namespace quantdyn {

/// Reads a model with QuantizeLinear and DequantizeLinear, and finds its tensors in the net: units
/// of the same name and shapes, whose folded weights have the file's codes.
///
/// ConfigError: a file without them; a tensor that the net does not have, or that is quantized
/// where the net has no place for it (before a unit's activation, say), all of them listed; two
/// scales of one tensor; biases not at the scale of their products; a weight of which over 2 % of
/// the codes are others than the file's.
GivenScales onnx_scales_for(const std::filesystem::path& file, const Network& network);

}  // namespace quantdyn
