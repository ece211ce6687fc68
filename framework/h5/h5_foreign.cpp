#include <algorithm>

#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {
namespace {

/// Deflate makes at most 1032 bytes of one; what was never written takes none.
constexpr int64_t most_per_byte = 1032, most_unwritten = 256 << 20;

void refuse_filters(const Object& array, hid_t list) {
  const int count = check(H5Pget_nfilters(list), array, "its filters cannot be read");
  int deflated = 0;
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    unsigned flags = 0, kind = 0;
    size_t values = 0;
    char name[64] = {};
    const H5Z_filter_t filter =
        check(H5Pget_filter2(list, i, &flags, &values, nullptr, sizeof(name), name, &kind), array,
              "its filters cannot be read");
    if (H5Zfilter_avail(filter) <= 0)
      throw_error<Error>(
          "{}: is stored with the filter {} ({}); accepted: filters that libhdf5 has itself, such "
          "as deflate",
          array.where(), filter, shown(name));
    deflated += filter == H5Z_FILTER_DEFLATE;
  }
  if (deflated > 1)
    throw_error<Error>("{}: is deflated {} times; accepted: once", array.where(), deflated);
}

/// Bytes of an array of these sizes; -1 where that is no int64_t.
int64_t bytes_of(std::span<const hsize_t> sizes, size_t element) {
  std::vector<int64_t> all(sizes.begin(), sizes.end());
  all.push_back(static_cast<int64_t>(element));
  return product(all);
}

void refuse_size(const Object& array, hid_t dataset, hid_t list, int64_t file_bytes) {
  const Id type(check(H5Dget_type(dataset), array, "cannot read the type"));
  const Id space(check(H5Dget_space(dataset), array, "cannot read the shape"));
  const int rank = check(H5Sget_simple_extent_ndims(space), array, "cannot read the shape");
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  check(H5Sget_simple_extent_dims(space, sizes.data(), nullptr), array, "cannot read the shape");
  const int64_t most = most_unwritten + most_per_byte * file_bytes;
  const int64_t bytes = bytes_of(sizes, H5Tget_size(type));
  if (bytes < 0 || bytes > most)
    throw_error<Error>("{}: claims the shape [{}]; a file of {} bytes can hold {} MiB of values",
                       array.where(), fmt::join(sizes, ", "), file_bytes, most >> 20);
  if (H5Pget_layout(list) != H5D_CHUNKED) return;
  check(H5Pget_chunk(list, rank, sizes.data()), array, "cannot read the layout");
  const int64_t chunk = bytes_of(sizes, H5Tget_size(type));
  if (chunk < 0 || chunk > most)
    throw_error<Error>(
        "{}: claims HDF5 chunks of [{}]; a file of {} bytes can hold {} MiB of values",
        array.where(), fmt::join(sizes, ", "), file_bytes, most >> 20);
}

}  // namespace

void refuse_foreign_link(const Object& object, hid_t group, const std::string& name) {
  H5L_info_t info{};
  if (name == "/" || H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT) < 0) return;
  if (info.type == H5L_TYPE_HARD || info.type == H5L_TYPE_SOFT) return;
  throw_error<Error>(
      "{}: '{}' is an external link, which leads out of the file; accepted: files that hold what "
      "they name",
      object.where(), shown(name));
}

void refuse_foreign_storage(const Object& array, hid_t dataset) {
  const Id file(check(H5Iget_file_id(dataset), array, "its file cannot be found"));
  unsigned intent = 0;
  check(H5Fget_intent(file, &intent), array, "its file cannot be found");
  if (intent & H5F_ACC_RDWR) return;
  hsize_t file_bytes = 0;
  check(H5Fget_filesize(file, &file_bytes), array, "its file cannot be measured");
  const Id list(check(H5Dget_create_plist(dataset), array, "cannot read the layout"));
  const bool is_virtual = H5Pget_layout(list) == H5D_VIRTUAL;
  if (is_virtual || H5Pget_external_count(list) != 0)
    throw_error<Error>(
        "{}: has {} storage, which lies in other files; accepted: arrays that lie in the file",
        array.where(), is_virtual ? "virtual" : "external");
  refuse_filters(array, list);
  refuse_size(array, dataset, list, static_cast<int64_t>(file_bytes));
}

}  // namespace quantdyn::h5
