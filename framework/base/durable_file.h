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

/// Locks a folder against other processes, on this machine and on others that share it over NFS:
/// while it exists, a FolderLock in another process throws. It locks a file in the folder, which
/// stays there and means nothing by itself: the lock ends with the process, however it ends. A file
/// system may have locks within a machine only, as NFS without its lock service, or none; there it
/// does what it can.
class FolderLock {
 public:
  static constexpr const char* file_name = ".lock";

  /// After it, the folder's files are seen as they are now, also those that another machine wrote.
  /// ConfigError: another process has locked the folder. Error: it cannot be opened, or its file
  /// not be created.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  void close();

  int folder_, file_;  // descriptors
};

/// Whether a FolderLock has the folder now, as far as the file system tells; false of a folder that
/// does not exist. Asking takes no lock.
bool is_locked(const std::filesystem::path& folder);

/// Makes files visible that another machine has just made in a folder: over NFS a name that was not
/// there is taken to be absent for up to a minute, unless the folder is opened.
void refresh_folder(const std::filesystem::path& folder);

}  // namespace quantdyn
