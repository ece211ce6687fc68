#include "experiments/commands/given_result.h"

#include "framework/base/error.h"
#include "framework/base/text_file.h"

namespace quantdyn {

ResultReader given_result(const std::filesystem::path& path) {
  if (!is_file(path)) throw_error<ConfigError>("{}: {}", path.string(), why_no_file(path));
  try {
    return ResultReader(path);
  } catch (const Error& e) {
    throw ConfigError(e.what());
  }
}

}  // namespace quantdyn
