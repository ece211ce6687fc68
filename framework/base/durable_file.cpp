#include "framework/base/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// Whatever has the name, a symbolic link even, is removed first.
int open_new(const std::filesystem::path& path) {
  ::unlink(path.c_str());
  const int out = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (out < 0) throw_error<Error>("{}: cannot be created: {}", path.string(), std::strerror(errno));
  return out;
}

void sync(int descriptor, const std::filesystem::path& path) {
  if (::fsync(descriptor) != 0)
    throw_error<Error>("{}: cannot be synced to the disk: {}", path.string(), std::strerror(errno));
}

void sync_folder(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

PartFile::PartFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(open_new(part_name(path_))) {}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!is_published_) ::unlink(part_name(path_).c_str());
}

void PartFile::publish() {
  sync(descriptor_, part_name(path_));
  // Some file systems tell of a failed write only now.
  if (::close(std::exchange(descriptor_, -1)) != 0)
    throw_error<Error>("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  std::error_code error;
  std::filesystem::rename(part_name(path_), path_, error);
  if (error)
    throw_error<Error>("{}: cannot be renamed from {}: {}", path_.string(),
                       part_name(path_).string(), error.message());
  is_published_ = true;
  // The rename itself lasts only once the folder is on the disk.
  sync_folder(std::filesystem::absolute(path_).parent_path());
}

int write_at(int descriptor, int64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno != EINTR) return errno;
    if (written < 0) continue;
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return 0;
}

void write_durably(const std::filesystem::path& path, std::string_view text) {
  PartFile file(path);
  if (const int reason = write_at(file.descriptor(), 0, text))
    throw_error<Error>("{}: cannot be written: {}", path.string(), std::strerror(reason));
  file.publish();
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
