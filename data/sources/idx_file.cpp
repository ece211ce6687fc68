#include "data/sources/idx_file.h"

#include <array>

#include "data/sources/file_bytes.h"

namespace quantdyn {
namespace {

int64_t big_endian(const uint8_t* p) {
  return static_cast<int64_t>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

std::vector<int64_t> parse_header(const std::string& name, std::span<const uint8_t> header,
                                  int axes) {
  const std::array<int, 4> magic{0, 0, 8, axes};
  for (size_t i = 0; i < magic.size() && i < header.size(); ++i)
    if (header[i] != magic[i])
      throw_error<ConfigError>("{}: byte {}: expected {} (IDX, unsigned bytes, {} axes), found {}",
                               name, i, magic[i], axes, header[i]);
  const size_t length = 4 + 4 * static_cast<size_t>(axes);
  if (header.size() < length)
    throw_error<ConfigError>("{}: byte {}: the file ends here; expected an IDX header of {} bytes",
                             name, header.size(), length);
  std::vector<int64_t> sizes;
  for (size_t offset = 4; offset < length; offset += 4) {
    sizes.push_back(big_endian(header.data() + offset));
    if (sizes.back() == 0)
      throw_error<ConfigError>("{}: byte {}: axis {} has size 0; expected at least 1", name, offset,
                               sizes.size() - 1);
  }
  return sizes;
}

}  // namespace

IdxFile parse_idx(const std::string& name, std::span<const uint8_t> file, int axes) {
  IdxFile out;
  out.header = 4 + 4 * axes;
  Unpacker content(name, file);
  std::vector<uint8_t> header;
  content.read(out.header, header);
  out.sizes = parse_header(name, header, axes);
  // One value more than can be: a product that no file reaches.
  constexpr int64_t most = int64_t{1} << 62;
  int64_t values = 1;
  for (const int64_t size : out.sizes) values = values > most / size ? most : values * size;
  content.read(values + 1, out.values);
  const auto found = static_cast<int64_t>(out.values.size());
  if (found != values)
    throw_error<ConfigError>(
        "{}: byte {}: the file {} here; expected {} bytes of header and {} of values", name,
        out.header + std::min(found, values), found < values ? "ends" : "goes on", out.header,
        fmt::join(out.sizes, " x "));
  return out;
}

}  // namespace quantdyn
