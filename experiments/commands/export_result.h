// `quantdyn export`: a result's trained net for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace quantdyn {

/// The request on the command line.
struct ExportRequest {
  std::filesystem::path result;
  std::filesystem::path output;  ///< ends in .h5 or .hdf5, by which Keras knows the format
  std::optional<int64_t> epoch;  ///< of the float32 snapshot; empty: the last
  bool force = false;            ///< whether to replace an existing output
};

/// Writes the net of a result, with the weights of a float32 snapshot, as a Keras model; returns a
/// summary line. ConfigError: no output, another extension, an existing output, a net that Keras
/// has no layers for. Error: as ResultReader; the file cannot be written.
std::string export_result(const ExportRequest& request);

}  // namespace quantdyn
