// Nets from ONNX: the graph and weights of an .onnx file.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "experiments/onnx/model.h"
#include "framework/graph/network.h"
#include "quant/schemes/tensor_id.h"

namespace quantdyn {

/// A tensor that the file quantizes.
struct OnnxQuantization {
  std::string node;  ///< of the net
  TensorRole role;
  OnnxScale scale;
};

struct OnnxImport {
  Network network;  ///< float: quantized weights have the values of their codes
  /// What QuantizeLinear and DequantizeLinear say, in the order of the file; empty: a float model.
  std::vector<OnnxQuantization> quantization = {};
};

/// Whether a network file is an ONNX model: its extension is .onnx, or its first bytes are those of
/// one and it is no text.
bool is_onnx_file(const std::filesystem::path& file);

/// Builds the net of a model with its weights. Its outputs are the logits: a final softmax is
/// dropped. `input`: the shape of one image [H,W,C], where the file leaves height and width open.
/// ConfigError: as read_onnx_model(); an operator, or an option of one, that is not supported, with
/// node and operator; weights that are not finite.
OnnxImport import_onnx(const std::filesystem::path& file,
                       std::optional<std::span<const int64_t>> input = {});
/// The net of a model that was read.
OnnxImport build_onnx(const OnnxModel& model);

}  // namespace quantdyn
