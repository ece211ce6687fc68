#include "data/sources/file_bytes.h"

#include <zlib.h>

#include <fstream>
#include <memory>

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose_r(file); }
};

}  // namespace

void require_file(const Options& options, const std::string& key, const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) return;
  options.refuse(key, fmt::format("{}: {}; expected a file", path.string(),
                                  fs::exists(path, ignored) ? "not a file" : "no such file"));
}

std::vector<uint8_t> read_exactly(const fs::path& path, int64_t expected,
                                  const std::string& meaning) {
  std::error_code error;
  const auto found = static_cast<int64_t>(fs::file_size(path, error));
  if (error) throw_error<ConfigError>("{}: cannot be read: {}", path.string(), error.message());
  if (found != expected)
    throw_error<ConfigError>("{}: byte {}: the file {}; expected {} bytes ({}), found {}",
                             path.string(), std::min(found, expected),
                             found < expected ? "ends here" : "goes on here", expected, meaning,
                             found);
  std::vector<uint8_t> bytes(static_cast<size_t>(expected));
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(bytes.data()), expected);
  if (!in)
    throw_error<ConfigError>("{}: byte {}: reading failed; expected {} bytes ({})", path.string(),
                             in.gcount(), expected, meaning);
  return bytes;
}

std::vector<uint8_t> read_maybe_gzip(const fs::path& path) {
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file)
    throw_error<ConfigError>("{}: cannot be opened; expected a file, plain or gzip", path.string());
  constexpr unsigned block = 1 << 20;
  std::vector<uint8_t> bytes;
  for (;;) {
    const size_t before = bytes.size();
    bytes.resize(before + block);
    const int read = gzread(file.get(), bytes.data() + before, block);
    int status = Z_OK;
    const std::string message = gzerror(file.get(), &status);
    bytes.resize(before + static_cast<size_t>(std::max(read, 0)));
    if (read < 0 || status == Z_BUF_ERROR)
      throw_error<ConfigError>(
          "{}: byte {}: reading failed: {}; expected a whole file, plain or gzip", path.string(),
          bytes.size(), message);
    if (read < static_cast<int>(block)) return bytes;
  }
}

}  // namespace quantdyn
