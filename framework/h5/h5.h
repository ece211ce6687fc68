// The one door to HDF5: files that appear only when complete, typed arrays, scales, texts.
//
// libhdf5 is not thread-safe here: every function takes one lock, so threads may use different
// files at the same time, and their calls take turns. All errors are Error, with the file, the
// object and HDF5's own reason.
//
// Nothing outside the named file is read, and no code loaded: external links, arrays in external
// or virtual storage and filters that libhdf5 does not have are refused, and so are arrays larger
// than their file can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace quantdyn::h5 {

/// The number types that are read and written, both in memory and in a file.
enum class Type { float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

template <typename T>
constexpr Type type_of() {
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? Type::float32 : Type::float64;
  constexpr int log2_size = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  return static_cast<Type>(static_cast<int>(std::is_signed_v<T> ? Type::int8 : Type::uint8) +
                           log2_size);
}
int64_t size_of(Type type);

/// What a dataset in a file holds.
enum class Content { integers, floats, texts, other };

/// How a dataset lies in the file: contiguous, or in chunks that are byte-shuffled and deflated.
struct Storage {
  std::vector<int64_t> chunk;  ///< one size per axis; empty: contiguous, not compressed
  double fill = 0;             ///< what was never written reads as this
};

class Disk;

/// An open HDF5 object; the base of File, Group and Dataset.
class Object {
 public:
  Object(Object&& other) noexcept;
  Object& operator=(Object&& other) noexcept;
  ~Object();

  /// "result.h5: /layerwise/output", for errors.
  std::string where() const;
  /// Where the object lies in its file, whatever the name it was opened by.
  uint64_t address() const;

  /// Attributes are scalars or one-dimensional; a text is a fixed-length UTF-8 string. Setting one
  /// again replaces it.
  void set(const std::string& name, const std::string& value);
  void set(const std::string& name, const char* value) { set(name, std::string(value)); }
  void set(const std::string& name, int64_t value);
  void set(const std::string& name, int value) { set(name, static_cast<int64_t>(value)); }
  void set(const std::string& name, double value);
  void set(const std::string& name, std::span<const int64_t> values);
  void set(const std::string& name, std::span<const double> values);
  void set(const std::string& name, std::span<const std::string> values);

  bool has_attribute(const std::string& name) const;
  std::vector<std::string> attributes() const;
  /// Reads a text of fixed or of variable length.
  std::string text(const std::string& name) const;
  /// Texts of fixed or of variable length, a scalar or an array of any rank. An empty array of any
  /// type gives none (h5py writes an empty list as numbers).
  std::vector<std::string> texts(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  double number(const std::string& name) const;
  std::vector<double> numbers(const std::string& name) const;
  Content attribute_content(const std::string& name) const;

 protected:
  explicit Object(int64_t id) : id_(id) {}
  int64_t id() const { return id_; }
  void close() noexcept;
  /// Copies attributes of fixed size from an object of another file, except those of scales.
  void copy_attributes(const Object& from);

 private:
  friend class Group;
  void write_attribute(const std::string& name, int64_t type, int64_t space, const void* values);
  int64_t open_attribute(const std::string& name) const;
  void read_attribute(const std::string& name, Type type, int64_t count, void* values) const;
  int64_t attribute_size(const std::string& name) const;

  int64_t id_;
};

/// An array of numbers or texts, of any rank.
class Dataset : public Object {
 public:
  std::vector<int64_t> sizes() const;
  int64_t elements() const;
  Content content() const;
  /// Whether every value is an unsigned byte.
  bool holds_bytes() const;
  /// Entries of the outermost axis in one chunk of the file; 1 where it lies contiguous.
  int64_t rows_per_chunk() const;
  /// Whether both are one array of one file, under whatever names.
  bool is_same_as(const Dataset& other) const;

  /// The whole array, outermost axis first, converted to T by HDF5 (out of range saturates).
  template <typename T>
  std::vector<T> read() const {
    std::vector<T> values(static_cast<size_t>(elements()));
    read_rows(type_of<T>(), 0, -1, values.data());
    return values;
  }
  /// Entries [first, first + count) of the outermost axis, [count, ...].
  template <typename T>
  std::vector<T> read_rows(int64_t first, int64_t count) const {
    std::vector<T> values(static_cast<size_t>(elements_of_rows(first, count)));
    read_rows(type_of<T>(), first, count, values.data());
    return values;
  }
  /// Texts of fixed or of variable length, one-dimensional or a scalar.
  std::vector<std::string> read_texts() const;
  /// As above into memory that is large enough; `count` -1 means all, also of a scalar.
  void read_rows(Type type, int64_t first, int64_t count, void* values) const;
  void write_rows(Type type, int64_t first, int64_t count, const void* values);
  /// Takes entry `row` of the outermost axis from an array of another file that has this entry
  /// alone, chunk by chunk without inflating them; false if their chunks, types or filters differ.
  bool take_row(int64_t row, const Dataset& from);

  /// Makes this one-dimensional array an axis; its link's name is the axis's name.
  void make_scale(const std::string& name);
  void attach_scale(int axis, const Dataset& scale);
  /// The name of the first scale attached to each axis; "" for an axis without one.
  std::vector<std::string> axis_names() const;
  bool is_scale() const;

 private:
  friend class Group;
  using Object::Object;
  int64_t elements_of_rows(int64_t first, int64_t count) const;
};

/// A folder in the file; names may be paths, and missing groups on the way are created.
class Group : public Object {
 public:
  Group make_group(const std::string& name);  ///< or opens it
  Group group(const std::string& name) const;
  Dataset dataset(const std::string& name) const;
  bool has(const std::string& name) const;
  bool is_group(const std::string& name) const;
  /// Names of all links, sorted.
  std::vector<std::string> names() const;
  /// A second name here for an object of the same file.
  void link(const std::string& name, const Object& target);
  /// Copies a dataset, or a group with its content, from another file; not for arrays with scales.
  void copy(const std::string& name, const Group& from, const std::string& source);
  /// Copies a group of another file with its content; the scales of its arrays, if they have any,
  /// lie beside them in the group.
  void copy_with_scales(const std::string& name, const Group& from, const std::string& source);

  Dataset make(const std::string& name, Type type, std::span<const int64_t> sizes,
               const Storage& storage = {});
  template <typename T>
  Dataset write(const std::string& name, std::span<const int64_t> sizes, std::span<const T> values,
                const Storage& storage = {}) {
    check_size(name, sizes, values.size());
    Dataset out = make(name, type_of<T>(), sizes, storage);
    out.write_rows(type_of<T>(), 0, -1, values.data());
    return out;
  }
  template <typename T>
  Dataset write(const std::string& name, const std::vector<T>& values) {
    const auto size = static_cast<int64_t>(values.size());
    return write<T>(name, std::span(&size, 1), values);
  }
  /// An array whose values are in the file already, from this offset on; for create_around(), and
  /// before anything else is made there.
  Dataset adopt(const std::string& name, Type type, std::span<const int64_t> sizes, int64_t offset);
  /// Texts [n], and a scalar; UTF-8 of variable length, the one kind that h5netcdf and netCDF4 both
  /// read. Error where one has a NUL byte.
  Dataset write_texts(const std::string& name, std::span<const std::string> values);
  Dataset write_text(const std::string& name, const std::string& value);

 protected:
  using Object::Object;

 private:
  void check_size(const std::string& name, std::span<const int64_t> sizes, size_t values) const;
  Dataset write_strings(const std::string& name, int64_t space,
                        std::span<const std::string> values);
};

/// A file, and its root group.
class File : public Group {
 public:
  /// Read only. The error says whether the file is missing, unreadable or not HDF5.
  static File open(const std::filesystem::path& path);
  /// Writes `path`.part (replacing it); only commit() gives the file its name.
  static File create(const std::filesystem::path& path);
  /// The same around the values of adopt(): `path`.part begins as the file `values` under a second
  /// name, or as a copy (PartFile). Bytes from `values_begin` to `values_end` are never changed.
  static File create_around(const std::filesystem::path& path, const std::filesystem::path& values,
                            int64_t values_end);
  static constexpr int64_t values_begin = 4096;
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  /// Without commit(): removes what create() began.
  ~File();

  /// Closes, syncs and renames. On failure (disk full) throws, and leaves no file of that name.
  /// `meanwhile` is called with the name of the closed file while the disk syncs; where it throws,
  /// the file does not get its name.
  void commit(const std::function<void(const std::filesystem::path& part)>& meanwhile = {});
  const std::filesystem::path& path() const { return path_; }

 private:
  File(int64_t file, int64_t root, std::filesystem::path path, std::unique_ptr<Disk> disk);
  int64_t file_;
  std::filesystem::path path_;
  std::unique_ptr<Disk> disk_;  ///< null: read only
};

}  // namespace quantdyn::h5
