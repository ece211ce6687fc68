// Files that are complete under their name or absent, even after a crash or on a full disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace quantdyn {

/// The name under which a file is written before it is complete: "result.h5.part".
std::filesystem::path part_name(const std::filesystem::path& path);

/// A file on its way to its name: it lies at `path`.part until publish(); without that, its
/// destructor removes it.
class PartFile {
 public:
  /// Makes an empty file. Whatever had its name, a symbolic link even, is removed first. Error: it
  /// cannot be created.
  explicit PartFile(std::filesystem::path path);
  /// Begins with the bytes of another file: it is that file under a second name, if that has only
  /// one and the file system can do it, else a copy. Error: as above; the file cannot be read.
  PartFile(std::filesystem::path path, const std::filesystem::path& bytes);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  /// Syncs it to the disk and renames it to `path`, replacing an older file atomically. Error; also
  /// whatever `meanwhile` throws, which is called while the disk syncs.
  void publish(const std::function<void()>& meanwhile = {});

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }  ///< open for reading and writing

 private:
  PartFile(std::filesystem::path path, int descriptor);  // -1: makes an empty file

  std::filesystem::path path_;
  int descriptor_;
  bool is_published_ = false;
};

/// Writes all bytes at an offset of a file. Returns 0, or the errno of what failed.
int write_at(int descriptor, int64_t offset, std::string_view bytes);

/// Asks the system to begin with the sync of bytes that were written, so that a later one takes
/// less time; it promises nothing.
void begin_sync(int descriptor, int64_t offset, int64_t bytes) noexcept;

/// Writes a small file through `path`.part. Error.
void write_durably(const std::filesystem::path& path, std::string_view text);

/// Locks a folder against other processes: while it exists, a FolderLock in another process throws.
/// The lock ends with the process, however it ends, and leaves no file. On file systems without
/// locks it does nothing.
class FolderLock {
 public:
  /// ConfigError: another process has locked the folder, and still has it after a tenth of a
  /// second. Error: it cannot be opened.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

/// Whether a FolderLock has the folder now; false of one that does not exist. Asking takes the lock
/// for an instant, which a FolderLock that begins then waits for.
bool is_locked(const std::filesystem::path& folder);

}  // namespace quantdyn
