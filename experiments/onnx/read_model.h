// Reads an .onnx file: parsing, external data, libonnx's checker and shape inference.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "experiments/onnx/model.h"

namespace quantdyn {

/// The opsets that are read. libonnx 1.12 knows up to 17: nodes of later opsets are written back to
/// that form before it sees them (lower_opset.h).
inline constexpr int64_t oldest_onnx_opset = 7, newest_onnx_opset = 28;

/// `input`: the shape of one image [H,W,C], where the file leaves height and width open.
///
/// ConfigError, naming the file and the node: bytes that are not a model, opsets and operators that
/// are not supported, initializers of another type than float32, float16 and whole numbers, or over
/// 1 GiB; external data that are missing or outside the file's folder; whatever the checker or
/// shape inference refuses; several inputs or outputs; sizes that are open and not given.
OnnxModel read_onnx_model(const std::filesystem::path& file,
                          std::optional<std::span<const int64_t>> input);
/// The same of a file's bytes; `name` stands for the file in errors, `folder` has external data.
OnnxModel parse_onnx_model(std::string_view bytes, const std::string& name,
                           const std::filesystem::path& folder,
                           std::optional<std::span<const int64_t>> input);

}  // namespace quantdyn
