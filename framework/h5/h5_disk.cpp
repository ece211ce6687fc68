#include "framework/h5/h5_disk.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {

/// One open file, as libhdf5 sees it; its functions are those of H5FD_class_t (HDF5's "Virtual File
/// Layer").
struct Disk::Driver {
  H5FD_t common;  // first, as libhdf5 wants it
  Disk* disk;
  haddr_t space;  // up to where libhdf5 has given space to objects
  haddr_t size;   // of the file

  static Driver& of(H5FD_t* file) { return *reinterpret_cast<Driver*>(file); }
  static const Driver& of(const H5FD_t* file) { return *reinterpret_cast<const Driver*>(file); }

  static H5FD_t* open(const char*, unsigned, hid_t access_list, haddr_t) {
    Disk* disk = *static_cast<Disk* const*>(H5Pget_driver_info(access_list));
    return &(new Driver{{}, disk, 0, 0})->common;
  }
  static herr_t close(H5FD_t* file) {
    delete &of(file);
    return 0;
  }

  static herr_t query(const H5FD_t*, unsigned long* features) {
    // Those of libhdf5's own driver for files, whose layout this one has.
    *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
                H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA |
                H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
  }
  /// Around values, only the superblock comes before them. Until it has its place, the file seems
  /// empty, else libhdf5 would read it.
  static haddr_t alloc(H5FD_t* file, H5FD_mem_t type, hid_t, hsize_t size) {
    Driver& driver = of(file);
    Disk& disk = *driver.disk;
    if (disk.values_end_ > 0 && driver.space == 0) {
      driver.space = static_cast<haddr_t>(disk.values_end_);
      driver.size = static_cast<haddr_t>(disk.bytes_);
      return 0;
    }
    if (type == H5FD_MEM_DRAW && disk.next_bytes_ > 0 &&
        size == static_cast<hsize_t>(disk.next_bytes_)) {
      disk.next_bytes_ = 0;
      return static_cast<haddr_t>(disk.next_offset_);
    }
    const haddr_t out = driver.space;
    driver.space += size;
    return out;
  }
  static haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return of(file).space; }
  static herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t end) {
    of(file).space = end;
    return 0;
  }
  static haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return of(file).size; }
  static herr_t get_handle(H5FD_t* file, hid_t, void** handle) {
    *handle = of(file).disk;
    return 0;
  }

  static herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* values) {
    const Disk& disk = *of(file).disk;
    const auto offset = static_cast<int64_t>(address);
    char* out = static_cast<char*>(values);
    size_t done = 0;
    while (done < size) {
      const ssize_t count = ::pread(disk.file_.descriptor(), out + done, size - done,
                                    offset + static_cast<int64_t>(done));
      if (count < 0 && errno != EINTR && disk.failure_ == 0) return -1;
      if (count == 0 || (count < 0 && errno != EINTR)) break;
      if (count > 0) done += static_cast<size_t>(count);
    }
    std::fill(out + done, out + size, '\0');  // past its end a file reads as zeros
    for (const LostWrite& lost : disk.lost_) {
      const int64_t begin = std::max(offset, lost.offset);
      const int64_t end = std::min(offset + static_cast<int64_t>(size),
                                   lost.offset + static_cast<int64_t>(lost.bytes.size()));
      if (begin < end)
        std::copy_n(lost.bytes.data() + (begin - lost.offset), end - begin, out + (begin - offset));
    }
    return 0;
  }

  static herr_t write(H5FD_t* file, H5FD_mem_t type, hid_t, haddr_t address, size_t size,
                      const void* values) {
    Driver& driver = of(file);
    Disk& disk = *driver.disk;
    const auto offset = static_cast<int64_t>(address);
    const std::string_view bytes(static_cast<const char*>(values), size);
    disk.write(offset, bytes);
    if (disk.failure_ != 0 && type != H5FD_MEM_DRAW)
      disk.lost_.push_back({offset, std::string(bytes)});
    driver.size = std::max(driver.size, address + size);
    return 0;
  }

  static herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
    Driver& driver = of(file);
    Disk& disk = *driver.disk;
    const auto end = static_cast<off_t>(driver.space);
    if (driver.size != driver.space && disk.failure_ == 0 &&
        ::ftruncate(disk.file_.descriptor(), end) != 0)
      disk.failure_ = errno;
    driver.size = driver.space;
    return 0;
  }

  static hid_t id() {
    static const hid_t out = [] {
      H5FD_class_t functions{};
      functions.name = "quantdyn";
      functions.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
      functions.fc_degree = H5F_CLOSE_STRONG;
      functions.fapl_size = sizeof(Disk*);
      functions.open = open;
      functions.close = close;
      functions.query = query;
      functions.alloc = alloc;
      functions.get_eoa = get_eoa;
      functions.set_eoa = set_eoa;
      functions.get_eof = get_eof;
      functions.get_handle = get_handle;
      functions.read = read;
      functions.write = write;
      functions.truncate = truncate;
      constexpr H5FD_mem_t metadata_apart_from_values[] = H5FD_FLMAP_DICHOTOMY;
      std::ranges::copy(metadata_apart_from_values, functions.fl_map);
      return H5FDregister(&functions);
    }();
    return out;
  }
};

void Disk::set_driver(hid_t access_list) {
  Disk* disk = this;
  H5Pset_driver(access_list, Driver::id(), &disk);
}

Disk& Disk::of(hid_t object) {
  const Id file(H5Iget_file_id(object));
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0) throw_error<Error>("{}", reason());
  return *static_cast<Disk*>(handle);
}

Disk::Disk(const std::filesystem::path& path, const std::filesystem::path& values,
           int64_t values_end)
    : file_(path, values),
      values_end_(values_end),
      bytes_(static_cast<int64_t>(std::filesystem::file_size(part_name(path)))) {
  if (values_end < File::values_begin || values_end > bytes_)
    throw_error<Error>("{}: has {} bytes; values were expected up to {}", values.string(), bytes_,
                       values_end);
}

void Disk::place_next(int64_t offset, int64_t bytes) {
  if (offset < File::values_begin || bytes < 0 || offset > values_end_ ||
      bytes > values_end_ - offset)
    throw_error<Error>("{}: holds no values from byte {} to {}", file_.path().string(), offset,
                       offset + bytes);
  next_offset_ = offset;
  next_bytes_ = bytes;
}

void Disk::write(int64_t offset, std::string_view bytes) {
  if (failure_ == 0) failure_ = write_at(file_.descriptor(), offset, bytes);
}

void Disk::check() const {
  if (failure_ != 0)
    throw_error<Error>("{}: cannot be written: {}", file_.path().string(), std::strerror(failure_));
}

void Disk::publish(const std::function<void()>& meanwhile) {
  check();
  file_.publish(meanwhile);
}

}  // namespace quantdyn::h5
