// What libhdf5 writes to; only the files of this folder include it.
#pragma once

#include <hdf5.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/durable_file.h"

namespace quantdyn::h5 {

/// A file that libhdf5 writes through a driver of ours, which never tells it of a failure: after a
/// failed write, libhdf5 1.10 crashes when this or another file is closed. The failure is kept and
/// told by check(). What is written afterwards goes nowhere, but metadata, which libhdf5 reads
/// again, is kept in memory.
class Disk {
 public:
  /// Makes `path`.part. Error: it cannot be created.
  explicit Disk(const std::filesystem::path& path) : file_(path) {}
  /// The same around the bytes of another file, as File::create_around().
  Disk(const std::filesystem::path& path, const std::filesystem::path& values, int64_t values_end);

  /// The file that is made with this access list is this one, which must outlive it.
  void set_driver(hid_t access_list);
  /// The file of an open object; it must have been made here.
  static Disk& of(hid_t object);

  /// The next array of this size gets this place among the values that are there.
  void place_next(int64_t offset, int64_t bytes);
  /// Error: something could not be written.
  void check() const;
  /// Gives the file its name, after libhdf5 has closed it. Error. `meanwhile` as PartFile's.
  void publish(const std::function<void()>& meanwhile);

 private:
  struct Driver;
  struct LostWrite {
    int64_t offset;
    std::string bytes;
  };

  void write(int64_t offset, std::string_view bytes);

  PartFile file_;
  int64_t values_end_ = 0, bytes_ = 0;  ///< 0: began empty
  int64_t next_offset_ = 0, next_bytes_ = 0;
  int failure_ = 0;  ///< errno of the first write that failed
  std::vector<LostWrite> lost_;
};

}  // namespace quantdyn::h5
