#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/durable_file.h"
#include "framework/h5/h5.h"
#include "framework/h5/h5_disk.h"
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

File::File(int64_t file, int64_t root, std::filesystem::path path, std::unique_ptr<Disk> disk)
    : Group(root), file_(file), path_(std::move(path)), disk_(std::move(disk)) {}

File::File(File&& other) noexcept
    : Group(std::move(other)),
      file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      disk_(std::move(other.disk_)) {}

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
  return File(file.release(), root, path, nullptr);
}

namespace {

/// A file that libhdf5 writes to a disk, and its root group.
std::pair<hid_t, hid_t> create_on(Disk& disk, const std::filesystem::path& path,
                                  hid_t access_list) {
  const Id access(access_list), creation(H5Pcreate(H5P_FILE_CREATE));
  disk.set_driver(access);
  H5Pset_obj_track_times(creation, false);  // the same arrays make the same bytes
  const std::string name = part_name(path).string();
  Id file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation, access));
  if (file < 0) throw_error<Error>("{}: cannot be created: {}", name, reason());
  const hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) throw_error<Error>("{}: cannot be created: {}", name, reason());
  return {file.release(), root};
}

}  // namespace

File File::create(const std::filesystem::path& path) {
  const Lock lock;
  auto disk = std::make_unique<Disk>(path);
  const auto [file, root] = create_on(*disk, path, file_access());
  return File(file, root, path, std::move(disk));
}

File File::create_around(const std::filesystem::path& path, const std::filesystem::path& values,
                         int64_t values_end) {
  const Lock lock;
  auto disk = std::make_unique<Disk>(path, values, values_end);
  const hid_t access = file_access();
  H5Pset_small_data_block_size(access, 0);  // arrays that share a block would not be placed alone
  const auto [file, root] = create_on(*disk, path, access);
  return File(file, root, path, std::move(disk));
}

File::~File() {
  if (file_ < 0) return;
  const Lock lock;
  close();
  H5Fclose(file_);
}

void File::commit(const std::function<void(const std::filesystem::path&)>& meanwhile) {
  const Lock lock;
  if (disk_ == nullptr || file_ < 0)
    throw_error<Error>("{}: was not opened for writing", path_.string());
  close();
  const std::unique_ptr<Disk> disk = std::move(disk_);
  if (H5Fclose(std::exchange(file_, -1)) < 0) {
    disk->check();  // says more
    throw_error<Error>("{}: cannot be written: {}", path_.string(), reason());
  }
  std::function<void()> act;
  if (meanwhile) act = [&] { meanwhile(part_name(path_)); };
  disk->publish(act);
}

}  // namespace quantdyn::h5
