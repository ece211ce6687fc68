#include "framework/base/text_file.h"

#include <fstream>
#include <system_error>

#include "framework/base/error.h"

namespace quantdyn {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string why_no_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::directory) return "a folder, not a file";
  if (status.type() == fs::file_type::not_found) return "no such file";
  if (error) return error.message();
  return "a pipe, socket or device, not a file";
}

std::string read_whole_file(const fs::path& path, size_t most_bytes) {
  if (!is_file(path)) throw_error<ConfigError>("{}: {}", path.string(), why_no_file(path));
  std::ifstream in(path, std::ios::binary);
  std::string out;
  constexpr size_t step = size_t{1} << 16;
  size_t filled = 0;
  while (in && filled <= most_bytes) {
    out.resize(filled + step);
    in.read(out.data() + filled, step);
    filled += static_cast<size_t>(in.gcount());
  }
  if (in.bad() || (!in.eof() && filled <= most_bytes))
    throw_error<ConfigError>("{}: cannot be read", path.string());
  if (filled > most_bytes)
    throw_error<ConfigError>("{}: over {} bytes; accepted: at most that", path.string(),
                             most_bytes);
  out.resize(filled);
  return out;
}

}  // namespace quantdyn
