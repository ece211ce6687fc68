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

/// A weight [K,...] by its codes, already in ONNX's order, as int8 or uint8. Returns the name of
/// the dequantized value. ConfigError naming `tensor`: codes or zero points that neither type
/// holds.
std::string add_weight_codes(OnnxGraph& graph, const UniqueName& unique, const std::string& tensor,
                             const std::string& name, const AffineTensor& weight,
                             const std::vector<int64_t>& sizes, std::span<const int32_t> codes);

/// A bias [K] by its codes, as int32. Returns the name of the dequantized value.
std::string add_bias_codes(OnnxGraph& graph, const UniqueName& unique, const std::string& name,
                           const AffineTensor& bias);

/// `value` rounded to the codes of an activation and back: QuantizeLinear, DequantizeLinear, before
/// them a clip where fewer codes are given than int8 or uint8 has. Returns the name of the
/// dequantized value. ConfigError naming `tensor`: as add_weight_codes(); codes that are drawn.
std::string add_rounding(OnnxGraph& graph, const UniqueName& unique, const std::string& tensor,
                         const std::string& name, const std::string& value,
                         const AffineTensor& activation, int rank);

}  // namespace quantdyn
