#include "framework/base/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// fsync of a file or folder by name.
void sync(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_synced)
    throw_error<Error>("{}: cannot be synced to the disk: {}", path.string(),
                       std::strerror(reason));
}

}  // namespace

std::filesystem::path part_name(const std::filesystem::path& path) {
  return path.string() + ".part";
}

void publish(const std::filesystem::path& path) {
  sync(part_name(path));
  std::error_code error;
  std::filesystem::rename(part_name(path), path, error);
  if (error)
    throw_error<Error>("{}: cannot be renamed from {}: {}", path.string(), part_name(path).string(),
                       error.message());
  // The rename itself lasts only once the folder is on the disk.
  sync(std::filesystem::absolute(path).parent_path());
}

void write_durably(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path part = part_name(path);
  std::ofstream out(part, std::ios::binary);
  out << text;
  out.close();
  if (out) return publish(path);
  const int reason = errno;
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  throw_error<Error>("{}: cannot be written: {}", path.string(), std::strerror(reason));
}

FolderLock::FolderLock(const std::filesystem::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw_error("{}: {}", folder.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw_error<ConfigError>("{}: another process is writing there; accepted: another output folder",
                           folder.string());
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace quantdyn
