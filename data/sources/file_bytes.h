// Whole files as bytes, gzip included: the only door to zlib.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// Refuses `key` unless `path` is a file, or a link to one.
void require_file(const Options& options, const std::string& key,
                  const std::filesystem::path& path);

/// The content of a file that must have exactly `expected` bytes; in the error, `meaning` says
/// what they are ("10000 records of 3073 bytes"). ConfigError when missing, short or
/// over-long.
std::vector<uint8_t> read_exactly(const std::filesystem::path& path, int64_t expected,
                                  const std::string& meaning);

/// The content of a file, unpacked where it is gzip. ConfigError when it cannot be read, is cut or
/// damaged, at the byte (of the unpacked content) where reading ended.
std::vector<uint8_t> read_maybe_gzip(const std::filesystem::path& path);

}  // namespace quantdyn
