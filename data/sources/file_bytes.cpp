#include "data/sources/file_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "framework/base/text_file.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(const fs::path& path)
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  operator int() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void refuse_reading(const fs::path& path) {
  throw_error<ConfigError>("{}: cannot be read: {}", path.string(), std::strerror(errno));
}

}  // namespace

void require_file(const Options& options, const std::string& key, const fs::path& path) {
  if (is_file(path)) return;
  options.refuse(key, fmt::format("{}: {}; expected a file", path.string(), why_no_file(path)));
}

void require_size(const fs::path& path, int64_t expected, const std::string& meaning) {
  std::error_code error;
  const auto found = static_cast<int64_t>(fs::file_size(path, error));
  if (error) throw_error<ConfigError>("{}: cannot be read: {}", path.string(), error.message());
  if (found != expected)
    throw_error<ConfigError>("{}: byte {}: the file {}; expected {} bytes ({}), found {}",
                             path.string(), std::min(found, expected),
                             found < expected ? "ends here" : "goes on here", expected, meaning,
                             found);
}

std::vector<uint8_t> read_file(const fs::path& path) {
  const Descriptor file(path);
  struct stat facts {};
  if (file < 0 || ::fstat(file, &facts) != 0) refuse_reading(path);
  if (!S_ISREG(facts.st_mode))
    throw_error<ConfigError>("{}: not a file; expected one", path.string());
  std::vector<uint8_t> bytes(static_cast<size_t>(facts.st_size));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t read = ::read(file, bytes.data() + done, bytes.size() - done);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) refuse_reading(path);
    if (read == 0)
      throw_error<ConfigError>(
          "{}: byte {}: the file ends here; it had {} bytes when it was opened", path.string(),
          done, bytes.size());
    done += static_cast<size_t>(read);
  }
  return bytes;
}

struct Unpacker::Stream {
  z_stream z{};
  bool is_between = false;  ///< one gzip stream has ended, no other begun
  ~Stream() { inflateEnd(&z); }
};

Unpacker::Unpacker(std::string name, std::span<const uint8_t> file)
    : name_(std::move(name)), rest_(file) {
  if (file.size() < 2 || file[0] != 0x1f || file[1] != 0x8b) return;
  stream_ = std::make_unique<Stream>();
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream_->z, gzip_only) != Z_OK)
    throw_error<Error>("{}: zlib cannot be started", name_);
}

Unpacker::~Unpacker() = default;

void Unpacker::read(int64_t count, std::vector<uint8_t>& out) {
  if (!stream_) {
    const auto part = rest_.first(std::min(static_cast<size_t>(count), rest_.size()));
    out.insert(out.end(), part.begin(), part.end());
    rest_ = rest_.subspan(part.size());
    position_ += static_cast<int64_t>(part.size());
    return;
  }
  std::vector<uint8_t> block(static_cast<size_t>(std::min<int64_t>(count, 1 << 16)));
  for (const int64_t end = position_ + count; position_ < end;) {
    const int64_t before = position_;
    unpack(std::span(block).first(std::min(block.size(), static_cast<size_t>(end - position_))),
           out);
    if (position_ == before) return;  // the content ends
  }
}

void Unpacker::unpack(std::span<uint8_t> block, std::vector<uint8_t>& out) {
  z_stream& z = stream_->z;
  z.next_out = block.data();
  z.avail_out = static_cast<uInt>(block.size());
  while (z.avail_out > 0 && !(stream_->is_between && rest_.empty())) {
    if (stream_->is_between) inflateReset(&z);
    const auto given = static_cast<uInt>(std::min<size_t>(rest_.size(), 1 << 30));
    z.next_in = const_cast<uint8_t*>(rest_.data());  // zlib only reads it
    z.avail_in = given;
    const int status = inflate(&z, Z_NO_FLUSH);
    rest_ = rest_.subspan(given - z.avail_in);
    stream_->is_between = status == Z_STREAM_END;
    if (status == Z_OK || status == Z_STREAM_END) continue;
    throw_error<ConfigError>(
        "{}: byte {}: reading failed: {}; expected a whole file, plain or gzip", name_,
        position_ + static_cast<int64_t>(block.size() - z.avail_out),
        status == Z_BUF_ERROR ? "the gzip stream is cut"
        : z.msg               ? z.msg
                              : "zlib gives no reason");
  }
  const size_t made = block.size() - z.avail_out;
  out.insert(out.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(made));
  position_ += static_cast<int64_t>(made);
}

}  // namespace quantdyn
