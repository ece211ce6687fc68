// An ONNX model as plain data: constants, and nodes in an order in which they can be computed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/config_node.h"
#include "framework/config/options.h"

namespace quantdyn {

/// The scale and zero point of a tensor: value = scale (code - zero_point).
struct OnnxScale {
  int bit_width = 8;
  bool is_signed = false;           ///< codes start at -2^(bit_width - 1)
  int64_t axis = 0;                 ///< of the channels that have a scale of their own
  std::vector<float> scale;         ///< one, or one for each channel
  std::vector<int64_t> zero_point;  ///< as many

  bool is_per_tensor() const { return scale.size() == 1; }
  int64_t lowest_code() const { return is_signed ? -(int64_t{1} << (bit_width - 1)) : 0; }
  int64_t highest_code() const { return lowest_code() + (int64_t{1} << bit_width) - 1; }
  friend bool operator==(const OnnxScale&, const OnnxScale&) = default;
};

/// A constant; float16 is converted to float32, whole numbers and booleans to int64.
struct OnnxTensor {
  enum class Type { floats, integers };

  Type type = Type::floats;
  std::string type_name;       ///< "int8": what the file holds
  std::vector<int64_t> sizes;  ///< empty: a scalar
  std::vector<float> floats;   ///< by type, one of the two
  std::vector<int64_t> integers;
  std::optional<OnnxScale> quantized = {};  ///< the values are those of codes

  int64_t elements() const {
    return static_cast<int64_t>(type == Type::floats ? floats.size() : integers.size());
  }
};

/// "float32": ONNX's number of a type in words.
std::string onnx_type_name(int32_t type);

/// One operator. Absent inputs at the end, and "" among them, are optional ones.
struct OnnxNode {
  std::string name;                           ///< its own, or that of its first output
  std::string operation;                      ///< "Conv"
  ConfigNode::Pointer tree;                   ///< its attributes
  Options attributes;                         ///< the same; errors name file, node and operator
  std::map<std::string, OnnxTensor> tensors;  ///< attributes that are tensors
  std::vector<std::string> inputs, outputs;   ///< names of values

  bool has_input(size_t i) const { return i < inputs.size() && !inputs[i].empty(); }
};

/// One input of rank 4 with known sizes, one output.
struct OnnxModel {
  std::string input, output;         ///< names of values
  std::vector<int64_t> input_sizes;  ///< with the batch, which is 1 where the file leaves it open
  bool has_channels_last = false;    ///< [N,H,W,C] in place of [N,C,H,W]
  int64_t opset = 0;                 ///< the file's
  std::map<std::string, OnnxTensor> constants;
  std::vector<OnnxNode> nodes;
  /// The sizes of values that libonnx infers; -1: unknown. It crashes on some models that break its
  /// rules, so it comes after everything here has been checked.
  std::function<std::map<std::string, std::vector<int64_t>>()> infer_shapes;
};

}  // namespace quantdyn
