#include "framework/base/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// fsync of a file or folder by name; O_NOFOLLOW where it must not be a symbolic link.
void sync(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_synced)
    throw_error<Error>("{}: cannot be synced to the disk: {}", path.string(),
                       std::strerror(reason));
}

/// A new part file; whatever has its name, a symbolic link even, is removed first.
int open_part(const std::filesystem::path& path) {
  const std::filesystem::path part = part_name(path);
  ::unlink(part.c_str());
  const int out = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (out < 0) throw_error<Error>("{}: cannot be created: {}", part.string(), std::strerror(errno));
  return out;
}

}  // namespace

std::filesystem::path part_name(const std::filesystem::path& path) {
  return path.string() + ".part";
}

void create_part(const std::filesystem::path& path) { ::close(open_part(path)); }

void publish(const std::filesystem::path& path) {
  sync(part_name(path), O_NOFOLLOW);
  std::error_code error;
  std::filesystem::rename(part_name(path), path, error);
  if (error)
    throw_error<Error>("{}: cannot be renamed from {}: {}", path.string(), part_name(path).string(),
                       error.message());
  // The rename itself lasts only once the folder is on the disk.
  sync(std::filesystem::absolute(path).parent_path(), O_DIRECTORY);
}

void write_durably(const std::filesystem::path& path, std::string_view text) {
  const int descriptor = open_part(path);
  int reason = 0;
  while (!text.empty() && reason == 0) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) text.remove_prefix(static_cast<size_t>(written));
    if (written < 0 && errno != EINTR) reason = errno;
  }
  if (::close(descriptor) != 0 && reason == 0) reason = errno;
  std::error_code ignored;
  if (reason != 0) {
    std::filesystem::remove(part_name(path), ignored);
    throw_error<Error>("{}: cannot be written: {}", path.string(), std::strerror(reason));
  }
  try {
    publish(path);
  } catch (const Error&) {
    std::filesystem::remove(part_name(path), ignored);
    throw;
  }
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
