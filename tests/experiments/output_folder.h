// A folder for the files of one test, removed after it.
#pragma once

#include <unistd.h>

#include <filesystem>

#include "framework/base/error.h"
#include "tests/errors.h"

namespace quantdyn {

struct OutputFolder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               fmt::format("quantdyn_experiments_test_{}", ::getpid());
  OutputFolder() { std::filesystem::remove_all(path); }
  ~OutputFolder() { std::filesystem::remove_all(path); }
};

}  // namespace quantdyn
