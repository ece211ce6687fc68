#include <algorithm>
#include <optional>

#include "framework/h5/h5_disk.h"
#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {
namespace {

/// Sizes of the chunks of an array; empty: it lies contiguous.
std::vector<hsize_t> chunk_of(hid_t creation, size_t rank) {
  std::vector<hsize_t> out(rank);
  if (rank == 0 || H5Pget_layout(creation) != H5D_CHUNKED ||
      H5Pget_chunk(creation, static_cast<int>(rank), out.data()) < 0)
    out.clear();
  return out;
}

std::vector<H5Z_filter_t> filters_of(hid_t creation) {
  std::vector<H5Z_filter_t> out;
  for (unsigned i = 0; static_cast<int>(i) < H5Pget_nfilters(creation); ++i) {
    size_t values = 0;
    unsigned flags = 0, settings = 0;
    out.push_back(H5Pget_filter2(creation, i, &flags, &values, nullptr, 0, nullptr, &settings));
  }
  return out;
}

}  // namespace

bool Dataset::take_row(int64_t row, const Dataset& from) {
  const Lock lock;
  const std::vector<int64_t> here = sizes(), there = from.sizes();
  if (here.size() != there.size() || here.empty() || there[0] != 1 || row < 0 || row >= here[0] ||
      !std::ranges::equal(std::span(here).subspan(1), std::span(there).subspan(1)))
    return false;
  const Id own(H5Dget_create_plist(id())), other(H5Dget_create_plist(from.id()));
  const Id type(H5Dget_type(id())), other_type(H5Dget_type(from.id()));
  const std::vector<hsize_t> chunk = chunk_of(own, here.size());
  if (chunk.empty() || chunk[0] != 1 || chunk != chunk_of(other, here.size()) ||
      filters_of(own) != filters_of(other) || H5Tequal(type, other_type) <= 0)
    return false;
  std::vector<hsize_t> at(here.size(), 0);
  std::vector<char> bytes;
  while (at[0] == 0) {
    hsize_t size = 0;
    check(H5Dget_chunk_storage_size(from.id(), at.data(), &size), from, "cannot be read");
    bytes.resize(size);
    uint32_t skipped = 0;  // filters that this chunk did not go through
    if (size > 0) {
      check(H5Dread_chunk(from.id(), H5P_DEFAULT, at.data(), &skipped, bytes.data()), from,
            "cannot be read");
      std::vector<hsize_t> to = at;
      to[0] = static_cast<hsize_t>(row);
      check(H5Dwrite_chunk(id(), H5P_DEFAULT, skipped, to.data(), size, bytes.data()), *this,
            "cannot be written");
    }
    size_t axis = at.size() - 1;  // the next chunk, the innermost axis first
    while (axis > 0 && (at[axis] += chunk[axis]) >= static_cast<hsize_t>(here[axis]))
      at[axis--] = 0;
    if (axis == 0) at[0] = 1;
  }
  Disk::of(id()).check();
  return true;
}

}  // namespace quantdyn::h5
