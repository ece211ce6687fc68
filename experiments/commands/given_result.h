// A result that the command line names.
#pragma once

#include <filesystem>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// Opens it; ConfigError where it is no result that can be read: the wrong file was named.
ResultReader given_result(const std::filesystem::path& path);

}  // namespace quantdyn
