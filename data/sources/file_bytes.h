// Whole files as bytes, gzip included: the only door to zlib.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// Refuses `key` unless `path` is a file, or a link to one.
void require_file(const Options& options, const std::string& key,
                  const std::filesystem::path& path);

/// ConfigError unless the file has exactly `expected` bytes; in the error, `meaning` says what they
/// are ("10000 records of 3073 bytes").
void require_size(const std::filesystem::path& path, int64_t expected, const std::string& meaning);

/// The content of a file. ConfigError: missing, no regular file, cannot be read, or cut while it
/// was read.
std::vector<uint8_t> read_file(const std::filesystem::path& path);

/// The content of a file that is plain or gzip, from memory, front to back. Several gzip streams
/// one after the other are one content.
class Unpacker {
 public:
  /// `file` has to outlive this; `name` is for errors.
  Unpacker(std::string name, std::span<const uint8_t> file);
  ~Unpacker();
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  /// Appends up to `count` bytes to `out`: fewer where the content ends. Memory grows with what is
  /// there, not with `count`. ConfigError at the byte of the content where a gzip stream is cut or
  /// damaged, or something else comes after it.
  void read(int64_t count, std::vector<uint8_t>& out);

 private:
  struct Stream;
  void unpack(std::span<uint8_t> block, std::vector<uint8_t>& out);

  std::string name_;
  std::span<const uint8_t> rest_;   // of the file
  std::unique_ptr<Stream> stream_;  // none: plain
  int64_t position_ = 0;
};

}  // namespace quantdyn
