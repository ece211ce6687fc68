// What the machine has left for this process: memory and disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace quantdyn {

/// A limit and what sets it.
struct Limit {
  int64_t bytes;
  std::string source;  ///< "free memory of the machine", "ulimit -v"
};

/// Bytes of memory that this process has now.
int64_t resident_memory();

/// How large a process of `resident` bytes may become in its control groups (versions 1 and 2): in
/// those that the file `groups` names (as /proc/self/cgroup), under `root` (as /sys/fs/cgroup).
/// File caches do not count, since the kernel takes them back.
Limit group_limit(const std::filesystem::path& root, const std::filesystem::path& groups,
                  int64_t resident);

/// How large this process may become: what it has, and what is free on the machine, in its control
/// groups and below RLIMIT_AS; the least of these.
Limit memory_limit();

/// What a file system has left for this user; of a folder that does not exist, where it would be.
Limit disk_limit(const std::filesystem::path& folder);

/// How large one file may become (RLIMIT_FSIZE).
Limit file_limit();

/// "3.2 GiB", "640 MiB", "12 KiB".
std::string size_text(int64_t bytes);

}  // namespace quantdyn
