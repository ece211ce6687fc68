#include "framework/base/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <utility>
#include <vector>

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

/// Copies a file's bytes into another file; returns 0, or the errno of a failed write.
int copy_bytes(const std::filesystem::path& from, int to) {
  const int descriptor = ::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0)
    throw_error<Error>("{}: cannot be read: {}", from.string(), std::strerror(errno));
  std::vector<char> buffer(1 << 20);
  int64_t done = 0;
  ssize_t count = 0;
  int problem = 0;
  while (problem == 0 && (count = ::read(descriptor, buffer.data(), buffer.size())) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    problem = write_at(to, done, {buffer.data(), static_cast<size_t>(count)});
    done += count;
  }
  const int reason = errno;
  ::close(descriptor);
  if (count < 0) throw_error<Error>("{}: cannot be read: {}", from.string(), std::strerror(reason));
  return problem;
}

/// Opens `path` as a second name of a file that has only one; -1 where that cannot be.
int open_second_name(const std::filesystem::path& path, const std::filesystem::path& of) {
  std::error_code error;
  ::unlink(path.c_str());
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(of, error)) ||
      std::filesystem::hard_link_count(of, error) != 1 || ::link(of.c_str(), path.c_str()) != 0)
    return -1;
  return ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

struct flock lock_of_whole_file() {
  struct flock out {};
  out.l_type = F_WRLCK;
  out.l_whence = SEEK_SET;
  return out;
}

}  // namespace

std::filesystem::path part_name(const std::filesystem::path& path) {
  return path.string() + ".part";
}

PartFile::PartFile(std::filesystem::path path) : PartFile(std::move(path), -1) {}

PartFile::PartFile(std::filesystem::path path, int descriptor)
    : path_(std::move(path)),
      descriptor_(descriptor >= 0 ? descriptor : open_new(part_name(path_))) {}

PartFile::PartFile(std::filesystem::path path, const std::filesystem::path& bytes)
    : PartFile(path, open_second_name(part_name(path), bytes)) {
  std::error_code error;
  if (std::filesystem::equivalent(part_name(path_), bytes, error)) return;
  if (const int reason = copy_bytes(bytes, descriptor_))
    throw_error<Error>("{}: cannot be written: {}", path_.string(), std::strerror(reason));
}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!is_published_) ::unlink(part_name(path_).c_str());
}

void PartFile::publish(const std::function<void()>& meanwhile) {
  if (meanwhile) {
    auto synced = std::async(std::launch::async, [&] { sync(descriptor_, part_name(path_)); });
    meanwhile();
    synced.get();
  } else {
    sync(descriptor_, part_name(path_));
  }
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

void begin_sync(int descriptor, int64_t offset, int64_t bytes) noexcept {
#ifdef SYNC_FILE_RANGE_WRITE
  ::sync_file_range(descriptor, offset, bytes, SYNC_FILE_RANGE_WRITE);
#endif
}

void write_durably(const std::filesystem::path& path, std::string_view text) {
  PartFile file(path);
  if (const int reason = write_at(file.descriptor(), 0, text))
    throw_error<Error>("{}: cannot be written: {}", path.string(), std::strerror(reason));
  file.publish();
}

// flock() of a folder holds on every local file system, but over NFS within a machine only. A lock
// of the open file holds between NFS clients, too, if the server and the mount have locks.
FolderLock::FolderLock(const std::filesystem::path& folder)
    : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), file_(-1) {
  if (folder_ < 0) throw_error("{}: {}", folder.string(), std::strerror(errno));
  bool is_taken = ::flock(folder_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (!is_taken) {
    file_ = ::openat(folder_, file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file_ < 0) {
      const int reason = errno;
      ::close(folder_);
      throw_error("{}: cannot be created: {}", (folder / file_name).string(),
                  std::strerror(reason));
    }
    struct flock lock = lock_of_whole_file();
    is_taken = ::fcntl(file_, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES);
  }
  if (!is_taken) return;
  close();
  throw_error<ConfigError>("{}: another process is writing there; accepted: another output folder",
                           folder.string());
}

FolderLock::~FolderLock() { close(); }

void FolderLock::close() {
  if (file_ >= 0) ::close(file_);
  ::close(folder_);
}

bool is_locked(const std::filesystem::path& folder) {
  const int file = ::open((folder / FolderLock::file_name).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  struct flock lock = lock_of_whole_file();
  const bool is_told = ::fcntl(file, F_OFD_GETLK, &lock) == 0;
  ::close(file);
  return is_told && lock.l_type != F_UNLCK;
}

void refresh_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) ::close(descriptor);
}

}  // namespace quantdyn
