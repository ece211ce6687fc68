// A folder for HDF5 files, removed after the test.
#pragma once

#include <unistd.h>

#include <filesystem>

#include "framework/base/error.h"

namespace quantdyn::test {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("quantdyn_h5_test_{}", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }
};

}  // namespace quantdyn::test
