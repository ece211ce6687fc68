// What the files that call HDF5 share; nothing else includes this.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/base/error.h"
#include "framework/h5/h5.h"

namespace quantdyn::h5 {

/// Held by every function that calls HDF5; the first call also sets up how HDF5 reports errors.
class Lock {
 public:
  Lock();

 private:
  std::lock_guard<std::recursive_mutex> guard_;
};

/// HDF5's innermost reason for the last failure, or the system's where it quotes one.
std::string reason();

/// The name for a message: the file's author chose it, so a very long one is cut.
std::string shown(const std::string& name);

/// The one place where HDF5's return codes are checked.
template <typename Result>
Result check(Result result, const Object& object, std::string_view what,
             std::string_view name = {}) {
  if (result >= 0) return result;
  const std::string why = reason();  // before where(), which calls HDF5 again
  throw_error<Error>("{}: {}{}{}: {}", object.where(), what, name.empty() ? "" : " ",
                     shown(std::string(name)), why);
}

/// Owns any HDF5 identifier.
class Id {
 public:
  explicit Id(hid_t id) : id_(id) {}
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  ~Id() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  operator hid_t() const { return id_; }
  hid_t release() { return std::exchange(id_, -1); }

 private:
  hid_t id_;
};

hid_t native(Type type);
Content content_of(hid_t type);

/// UTF-8 of a fixed length, null-padded, or of H5T_VARIABLE; HDF5 has no strings of length 0.
hid_t text_type(size_t length);
/// Bytes of the longest value, at least 1.
size_t longest(std::span<const std::string> values);
/// The values one after another in fields of `length` bytes; never empty, so that it has data().
std::vector<char> fields_of(std::span<const std::string> values, size_t length);
/// The texts that `read` puts into the memory it is given, of fixed or of variable length. Error
/// where a null-padded one goes on after its first null; `attribute` "": of a dataset.
std::vector<std::string> texts_by(const Object& object, const std::string& attribute, hid_t type,
                                  size_t count, const std::function<void(void*)>& read);

/// Error where the last link of a path leads into another file; the link must exist.
void refuse_foreign_link(const Object& object, hid_t group, const std::string& name);
/// Error where reading the array would open other files, need a filter that libhdf5 does not have,
/// or give more than its file can hold; arrays of a file that is being written pass.
void refuse_foreign_storage(const Object& array, hid_t dataset);

hid_t simple_space(std::span<const int64_t> sizes);
/// -1 where it is no int64_t.
int64_t product(std::span<const int64_t> sizes);

}  // namespace quantdyn::h5
