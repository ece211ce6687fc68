// SHA-256, of datasets (recorded in results) and of results (checked before they are read); XXH64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace quantdyn {

/// A running SHA-256 (FIPS 180-4).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::span<const std::byte> bytes);
  /// 64 lower-case hexadecimal digits; nothing may be added afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of a file's bytes; throws Error naming the file if it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

/// XXH64 with seed 0 (Collet, github.com/Cyan4973/xxHash, xxhash_spec.md): finds damage as SHA-256
/// does, in a tenth of the time, but not forgery.
uint64_t xxh64(std::span<const std::byte> bytes);

}  // namespace quantdyn
