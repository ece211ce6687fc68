// A result that the command line names.
#pragma once

#include <filesystem>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// The result.h5 in a folder; another path as it is. ConfigError for a folder without one, which
/// names results below it.
std::filesystem::path result_path(const std::filesystem::path& path);

/// Opens it; ConfigError where it is no result that can be read: the wrong file was named.
ResultReader given_result(const std::filesystem::path& path);

}  // namespace quantdyn
