#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/durable_file.h"
#include "framework/h5/h5.h"
#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {
namespace {

// By which a file in memory grows.
constexpr size_t memory_step = 1 << 20;

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

File::File(int64_t file, int64_t root, std::filesystem::path path, Kind kind)
    : Group(root), file_(file), path_(std::move(path)), kind_(kind) {}

File::File(File&& other) noexcept
    : Group(std::move(other)),
      file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      kind_(other.kind_) {}

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
  return File(file.release(), root, path, Kind::read_only);
}

File File::create(const std::filesystem::path& path) {
  create_part(path);
  return create_as(part_name(path), path, Kind::part_file);
}

File File::create_in_memory(const std::filesystem::path& path) {
  return create_as(path, path, Kind::in_memory);
}

File File::create_as(const std::filesystem::path& name, const std::filesystem::path& path,
                     Kind kind) {
  const Lock lock;
  const Id access(file_access()), creation(H5Pcreate(H5P_FILE_CREATE));
  if (kind == Kind::in_memory) H5Pset_fapl_core(access, memory_step, false);
  H5Pset_obj_track_times(creation, false);  // the same arrays make the same bytes
  Id file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation, access));
  if (file < 0) throw_error<Error>("{}: cannot be created: {}", name.string(), reason());
  const hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) throw_error<Error>("{}: cannot be created: {}", name.string(), reason());
  return File(file.release(), root, path, kind);
}

File::~File() {
  if (file_ < 0) return;
  const Lock lock;
  close();
  H5Fclose(file_);
  if (kind_ != Kind::part_file) return;
  std::error_code ignored;
  std::filesystem::remove(part_name(path_), ignored);
}

void File::commit() {
  const Lock lock;
  if (kind_ == Kind::read_only || file_ < 0)
    throw_error<Error>("{}: was not opened for writing", path_.string());
  close();
  if (kind_ == Kind::in_memory) return commit_image();
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

/// Writes the bytes from where libhdf5 keeps them.
void File::commit_image() {
  const Id file(std::exchange(file_, -1));
  void* bytes = nullptr;
  const bool is_flushed = H5Fflush(file, H5F_SCOPE_LOCAL) >= 0;
  const ssize_t size = is_flushed ? H5Fget_file_image(file, nullptr, 0) : -1;
  if (size < 0 || H5Fget_vfd_handle(file, H5P_DEFAULT, &bytes) < 0)
    throw_error<Error>("{}: cannot be written: {}", path_.string(), reason());
  write_durably(path_, {*static_cast<const char**>(bytes), static_cast<size_t>(size)});
}

}  // namespace quantdyn::h5
