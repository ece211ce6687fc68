#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/durable_file.h"
#include "framework/h5/h5.h"
#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {
namespace {

hid_t file_access() {
  const hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  // From 1.8 on: checksummed headers, and attributes (a scale's list of users) over 64 KB.
  H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
  // Files under their final names are never written, so network folders without locks are fine.
  H5Pset_file_locking(list, false, true);
  return list;
}

}  // namespace

File::File(int64_t file, int64_t root, std::filesystem::path path, bool is_new)
    : Group(root), file_(file), path_(std::move(path)), is_new_(is_new) {}

File::File(File&& other) noexcept
    : Group(std::move(other)),
      file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      is_new_(other.is_new_) {}

File File::open(const std::filesystem::path& path) {
  const Lock lock;
  if (!std::filesystem::exists(path)) throw_error<Error>("{}: no such file", path.string());
  if (!std::filesystem::is_regular_file(path)) throw_error<Error>("{}: not a file", path.string());
  if (::access(path.c_str(), R_OK) != 0)
    throw_error<Error>("{}: cannot be read: {}", path.string(), std::strerror(errno));
  const Id access(file_access());
  Id file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access));
  if (file < 0)
    throw_error<Error>("{}: not an HDF5 file, or a damaged one: {}", path.string(), reason());
  const hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) throw_error<Error>("{}: a damaged HDF5 file: {}", path.string(), reason());
  return File(file.release(), root, path, false);
}

File File::create(const std::filesystem::path& path) {
  create_part(path);
  const Lock lock;
  const Id access(file_access()), creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(creation, false);  // the same arrays make the same bytes
  Id file(H5Fcreate(part_name(path).c_str(), H5F_ACC_TRUNC, creation, access));
  if (file < 0) throw_error<Error>("{}: cannot be created: {}", part_name(path).string(), reason());
  const hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) throw_error<Error>("{}: cannot be created: {}", part_name(path).string(), reason());
  return File(file.release(), root, path, true);
}

File::~File() {
  if (file_ < 0) return;
  const Lock lock;
  close();
  H5Fclose(file_);
  if (!is_new_) return;
  std::error_code ignored;
  std::filesystem::remove(part_name(path_), ignored);
}

void File::commit() {
  const Lock lock;
  if (!is_new_ || file_ < 0) throw_error<Error>("{}: was not opened for writing", path_.string());
  close();
  const bool is_flushed = H5Fflush(file_, H5F_SCOPE_LOCAL) >= 0;
  std::string why = is_flushed ? "" : reason();
  if (H5Fclose(std::exchange(file_, -1)) < 0 && is_flushed) why = reason();
  try {
    if (!why.empty()) throw_error<Error>("{}: cannot be written: {}", path_.string(), why);
    publish(path_);
  } catch (const Error&) {
    std::error_code ignored;
    std::filesystem::remove(part_name(path_), ignored);
    throw;
  }
}

}  // namespace quantdyn::h5
