// A folder for the files of one test, removed behind it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "framework/error.h"

namespace quantdyn {

struct OutputFolder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               fmt::format("quantdyn_experiments_test_{}", ::getpid());
  OutputFolder() { std::filesystem::remove_all(path); }
  ~OutputFolder() { std::filesystem::remove_all(path); }
};

/// The message of the error of type `Kind` that `act` throws; "" where it throws none.
template <typename Kind = Error>
std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Kind& e) {
    return e.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace quantdyn
