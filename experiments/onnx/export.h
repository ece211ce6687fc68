// Nets for ONNX: one file of opset 13 with its weights, in float32 or with quantized tensors (QDQ).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/formats/affine_tensor.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// What the file says about itself.
struct OnnxModelFacts {
  std::string name;                                         ///< of the graph
  std::vector<std::pair<std::string, std::string>> others;  ///< metadata_props
  std::map<std::string, std::string> nodes = {};  ///< texts about nodes (doc_string), by name
};

/// Writes a net with its masters. Images are [N,C,H,W]; the outputs are the logits. A node has the
/// name of its unit if it leads one, else its own.
///
/// A tensor in `quantized` is written by its codes: a weight and a bias followed by a
/// DequantizeLinear, the output of a unit through QuantizeLinear and DequantizeLinear. ConfigError:
/// a node or a quantized tensor that ONNX's operators cannot express. Error: ONNX's checker refuses
/// the model, it has 2 GB or more, the file cannot be written.
void export_onnx(const Network& network, const AffineTensors& quantized,
                 const OnnxModelFacts& facts, const std::filesystem::path& file);

}  // namespace quantdyn
