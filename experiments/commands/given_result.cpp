#include "experiments/commands/given_result.h"

#include "experiments/results/open_result.h"
#include "framework/base/error.h"
#include "framework/base/text_file.h"

namespace quantdyn {

ResultReader given_result(const std::filesystem::path& path) {
  const std::filesystem::path file = result_path(path);
  if (!is_file(file)) throw_error<ConfigError>("{}: {}", file.string(), why_no_file(file));
  try {
    return ResultReader(file);
  } catch (const Error& e) {
    throw ConfigError(e.what());
  }
}

}  // namespace quantdyn
