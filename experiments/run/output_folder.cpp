#include "experiments/run/output_folder.h"

#include "framework/base/checksum_list.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

enum class Expected { file, folder };

void require(const fs::path& path, Expected expected) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return;  // also where a link leads nowhere: it is replaced
  if (expected == Expected::file && !fs::is_regular_file(status))
    throw_error<ConfigError>(
        "{}: is {}, a run writes a file of this name; accepted: another output folder",
        path.string(), fs::is_directory(status) ? "a folder" : "no regular file");
  if (expected == Expected::folder && !fs::is_directory(status))
    throw_error<ConfigError>(
        "{}: is no folder, a run makes a folder of this name; accepted: another output folder",
        path.string());
}

}  // namespace

void require_usable(const fs::path& output) {
  std::error_code error;
  if (const auto status = fs::status(output, error);
      fs::exists(status) && !fs::is_directory(status))
    throw_error<ConfigError>(
        "{}: the output folder cannot be created: a file has its name; accepted: another one",
        output.string());
  for (const char* folder : {"snapshots", "checkpoints"})
    require(output / folder, Expected::folder);
  for (const char* file : {"result.h5", "result.h5.sha256"})
    for (const char* part : {"", ".part"})
      require(output / (std::string(file) + part), Expected::file);
  require(output / "snapshots" / ChecksumList::file_name, Expected::file);
}

}  // namespace quantdyn
