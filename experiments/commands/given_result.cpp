#include "experiments/commands/given_result.h"

#include <algorithm>

#include "framework/base/error.h"
#include "framework/base/text_file.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// Folders in `folder` that have a result, a few of them.
std::vector<std::string> results_below(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    if (is_file(entry.path() / "result.h5")) out.push_back(entry.path().string());
  std::ranges::sort(out);
  if (out.size() > 5) out.resize(5);
  return out;
}

}  // namespace

fs::path result_path(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  if (is_file(path / "result.h5")) return path / "result.h5";
  const std::vector<std::string> below = results_below(path);
  throw_error<ConfigError>(
      "{}: a folder without result.h5; accepted: a result's file or folder{}", path.string(),
      below.empty() ? "" : fmt::format(", such as {}", fmt::join(below, ", ")));
}

ResultReader given_result(const fs::path& path) {
  const fs::path file = result_path(path);
  if (!is_file(file)) throw_error<ConfigError>("{}: {}", file.string(), why_no_file(file));
  try {
    return ResultReader(file);
  } catch (const Error& e) {
    throw ConfigError(e.what());
  }
}

}  // namespace quantdyn
