// `quantdyn export`: a result's trained net for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace quantdyn {

/// What the command line asks for.
struct ExportRequest {
  std::filesystem::path result;
  std::filesystem::path output;  ///< a name that ends in .h5 or .hdf5: Keras goes by it
  std::optional<int64_t> epoch;  ///< of the float32 snapshot; empty: the last
  bool force = false;            ///< whether an output that is there is replaced
};

/// Writes the net of a result, with the weights of a float32 snapshot, as a Keras model; returns a
/// line that says what. ConfigError: no output, one of another name, one that is there, a net that
/// Keras has no layers for. Error: as ResultReader; the file cannot be written.
std::string export_result(const ExportRequest& request);

}  // namespace quantdyn
