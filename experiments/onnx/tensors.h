// ONNX's tensors as plain arrays.
#pragma once

#include <filesystem>
#include <string>

#include "experiments/onnx/model.h"
#include "experiments/onnx/onnx_library.h"

namespace quantdyn {

/// The largest tensor that is read, in bytes.
inline constexpr int64_t largest_onnx_tensor = int64_t{1} << 30;

/// Reads the data that a tensor keeps in a file of its own into the tensor. `where` begins errors:
/// file and tensor. ConfigError: a path that is absolute or leaves `folder`, a missing or too short
/// file, more than largest_onnx_tensor.
void load_external_data(onnx::TensorProto& tensor, const std::filesystem::path& folder,
                        const std::string& where);

/// The values of a tensor without external data. ConfigError: another number of values than the
/// sizes ask for, a type that is not read.
OnnxTensor read_tensor(const onnx::TensorProto& tensor, const std::string& where);

}  // namespace quantdyn
