// Reading a whole file that a user names, within bounds.
#pragma once

#include <filesystem>
#include <string>

namespace quantdyn {

/// Whether it is a regular file or a link to one. Never fails: false where the system cannot tell,
/// as for a name that is too long.
bool is_file(const std::filesystem::path& path);

/// What is wrong with a path that is not a regular file: "a folder, not a file", "no such file".
std::string why_no_file(const std::filesystem::path& path);

/// All bytes of a regular file. ConfigError where it is none (a folder, a pipe or a device may
/// never end), cannot be read, or has more than `most_bytes`.
std::string read_whole_file(const std::filesystem::path& path, size_t most_bytes);

}  // namespace quantdyn
