// Files that are either complete under their name or not there, also after a crash or a full disk.
#pragma once

#include <filesystem>
#include <string_view>

namespace quantdyn {

/// The name under which a file is written before it is complete: "result.h5.part".
std::filesystem::path part_name(const std::filesystem::path& path);

/// Syncs `path`.part to the disk and gives it its name, replacing an older file at once. Throws
/// Error.
void publish(const std::filesystem::path& path);

/// Writes a small file by way of `path`.part. Throws Error; the part file is removed then.
void write_durably(const std::filesystem::path& path, std::string_view text);

/// Holds a folder against other processes: while it lives, another one's FolderLock throws. It goes
/// with the process, however that ends, and leaves no file. Where the file system knows no locks it
/// holds nothing.
class FolderLock {
 public:
  /// ConfigError: another process holds the folder. Error: it cannot be opened.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace quantdyn
