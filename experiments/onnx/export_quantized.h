// Quantized tensors in an ONNX graph: QuantizeLinear and DequantizeLinear around integer codes.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "experiments/formats/affine_tensor.h"
#include "experiments/onnx/export_graph.h"

namespace quantdyn {

/// Gives out a name that nothing in the graph has yet.
using UniqueName = std::function<std::string(const std::string& wanted)>;

/// min(max(value, low), high) with one pair of ends, or one for each channel (axis 1 of a value of
/// `rank` axes, that of the images included); an infinite end is left out. Returns the new value's
/// name, `name` if it does anything.
std::string add_clip_between(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                             const std::string& value, std::span<const float> low,
                             std::span<const float> high, int rank);

/// A weight or bias [K,...] by its codes, already in ONNX's order: int8 or uint8, or int32 without
/// a zero point where those do not hold them. Returns the name of the dequantized value.
std::string add_codes(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                      const AffineTensor& tensor, const std::vector<int64_t>& sizes,
                      std::span<const int32_t> codes);

/// `value` rounded to the codes of an activation and back: QuantizeLinear, DequantizeLinear, before
/// them a clip where fewer codes are given than int8 or uint8 has. Returns the name of the
/// dequantized value. ConfigError naming `tensor`: codes that neither type holds, codes
/// that are drawn.
std::string add_rounding(OnnxGraph& graph, const UniqueName& unique, const std::string& tensor,
                         const std::string& name, const std::string& value,
                         const AffineTensor& activation, int rank);

}  // namespace quantdyn
