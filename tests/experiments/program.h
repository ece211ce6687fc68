// Runs the built program as a user does: a folder of small YAML files, arguments, exit code, texts.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/experiments/output_folder.h"

namespace quantdyn::test {

/// How a run of the program ended.
struct Outcome {
  int exit_code;  ///< -signal where a signal ended it
  std::string out, err;
};

/// The program, running in the background.
class Child {
 public:
  /// Starts `quantdyn arguments...` in `folder`; its output goes to files there.
  Child(const std::filesystem::path& folder, const std::vector<std::string>& arguments);
  ~Child();  ///< kills it where it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  bool has_ended();
  /// Waits for the end; kills it after five minutes.
  Outcome wait();

 private:
  std::filesystem::path folder_;
  pid_t pid_;
  std::optional<int> status_;
};

/// A folder with an experiment of seconds, tiny.yaml, and the repository's networks.
struct Workplace : OutputFolder {
  Workplace();

  std::filesystem::path write(const std::string& name, std::string_view text) const;
  Outcome run(const std::vector<std::string>& arguments) const {
    return Child(path, arguments).wait();
  }
  /// `quantdyn run tiny.yaml --quiet --output <output> more...`.
  Outcome run_tiny(const std::string& output, const std::vector<std::string>& more = {}) const;
};

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// 256 training and 64 test images, dws at an eighth of its width, two epochs, two variants.
std::string tiny_yaml();

}  // namespace quantdyn::test
