// An IDX file of bytes (LeCun, Cortes and Burges 1998), plain or gzip.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quantdyn {

struct IdxFile {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> values;
  int64_t header = 0;  ///< bytes before the values
};

/// Two zero bytes, a type (8: bytes), the number of axes, the sizes as big-endian 32-bit words,
/// then the values: `file` must be that, with this number of axes, and nothing more. Never more is
/// unpacked than the header says. ConfigError, with `name` and the byte of the unpacked content.
IdxFile parse_idx(const std::string& name, std::span<const uint8_t> file, int axes);

}  // namespace quantdyn
