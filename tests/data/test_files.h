// Small dataset files for tests, in a folder of their own.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "framework/base/hash.h"
#include "tests/errors.h"

namespace quantdyn {

/// A folder under the system's temporary one, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "quantdyn_data_XXXXXX").string();
    if (!mkdtemp(name.data())) throw_error("mkdtemp failed for {}", name);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, const std::vector<uint8_t>& bytes) const {
    std::ofstream(path_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path path_;
};

/// Makes the dataset plugin that `yaml` is; relative paths start at `directory`.
inline std::unique_ptr<DatasetPair> make_dataset(const std::string& yaml,
                                                 const std::filesystem::path& directory = {}) {
  return DatasetRegistry::instance().make(Options::from_text(yaml, "test.yaml", directory));
}

/// What making the dataset throws as ConfigError; "" if it throws nothing.
inline std::string refusal(const std::string& yaml, const std::filesystem::path& directory = {}) {
  return error_of<ConfigError>([&] { make_dataset(yaml, directory); });
}

/// All pixel values of image i.
inline std::vector<float> image_of(const Dataset& dataset, int64_t i) {
  std::vector<float> x(static_cast<size_t>(dataset.sample_shape().elements()));
  dataset.get(i, x.data());
  return x;
}

}  // namespace quantdyn
