// Files that are complete under their name or absent, even after a crash or on a full disk.
#pragma once

#include <filesystem>
#include <string_view>

namespace quantdyn {

/// The name under which a file is written before it is complete: "result.h5.part".
std::filesystem::path part_name(const std::filesystem::path& path);

/// Makes an empty `path`.part for a library that opens files by name. Whatever had that name is
/// removed, so a symbolic link that someone left there is not followed. Between this call and the
/// library's, only the folder's permissions keep others from putting one there. Throws Error.
void create_part(const std::filesystem::path& path);

/// Syncs `path`.part to the disk and renames it to `path`, replacing an older file atomically.
/// Throws Error.
void publish(const std::filesystem::path& path);

/// Writes a small file through `path`.part. On failure throws Error and removes the part file.
void write_durably(const std::filesystem::path& path, std::string_view text);

/// Locks a folder against other processes: while it exists, a FolderLock in another process throws.
/// The lock ends with the process, however it ends, and leaves no file. On file systems without
/// locks it does nothing.
class FolderLock {
 public:
  /// ConfigError: another process has locked the folder. Error: it cannot be opened.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace quantdyn
