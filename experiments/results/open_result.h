// Opens a result that may be damaged or made to do harm.
#pragma once

#include <filesystem>

#include "framework/h5/h5.h"

namespace quantdyn {

/// The result.h5 in a folder; another path as it is. ConfigError for a folder without one, which
/// names results below it.
std::filesystem::path result_path(const std::filesystem::path& path);

/// Opens a result or one snapshot; all errors are ConfigError and name the file. Its SHA-256 must
/// be the one in `path`.sha256; without that file a child process reads everything in it first,
/// with it only every object's head. Refused: what libhdf5 crashes on or reads for too long, groups
/// with two names (a cycle is one), files that are no result, of another schema, or not complete.
h5::File open_result(const std::filesystem::path& path);
/// The same of a result that this process has just written, so that its bytes need no check.
h5::File open_own_result(const std::filesystem::path& path);

}  // namespace quantdyn
