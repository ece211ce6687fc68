// Writes nodes of opsets over 17 back to the form of opset 17, the last that libonnx 1.12 knows.
#pragma once

#include <string>

#include "experiments/onnx/onnx_library.h"

namespace quantdyn {

/// After 17 the operators that are read got types, attributes whose default is what they did
/// before, and inputs in place of attributes. Takes such attributes out where they have that
/// default, and such inputs back into attributes where they are constants; QuantizeLinear and
/// DequantizeLinear of onnxruntime's own domain become ONNX'. `name` stands for the file in errors.
/// ConfigError, naming the node: anything that opset 17 cannot say.
void lower_opset(onnx::ModelProto& model, const std::string& name);

/// "model.onnx: node 'a' (Conv)".
std::string place_of(const onnx::NodeProto& node, const std::string& name);

}  // namespace quantdyn
