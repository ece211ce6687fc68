// `quantdyn export`: a result's net for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace quantdyn {

/// The request on the command line.
struct ExportRequest {
  std::filesystem::path result;
  std::filesystem::path output;
  std::optional<std::string> format;   ///< one of the formats; empty: by the output's extension
  std::optional<std::string> variant;  ///< a quantized one, not for keras; empty: float32
  std::optional<int64_t> epoch;        ///< of the snapshot; empty: the last
  bool force = false;                  ///< whether to replace an existing output
};

/// Writes the net of a result, as one of its snapshots has it, as an ONNX or a Keras model, or its
/// figures by layer for Model Explorer; returns a summary, a line each. ConfigError: no output, a
/// format or an extension that is none, an existing output, a net that the format has no layers
/// for, a variant that cannot be written. Error: as ResultReader; the file cannot be written.
std::string export_result(const ExportRequest& request);

}  // namespace quantdyn
