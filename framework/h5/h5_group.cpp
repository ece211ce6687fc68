#include "framework/h5/h5_disk.h"
#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {
namespace {

/// Without times in it, the same arrays make the same bytes.
hid_t without_times(hid_t list_class) {
  const hid_t list = H5Pcreate(list_class);
  H5Pset_obj_track_times(list, false);
  return list;
}

/// Makes the groups on the way to `name` one by one: HDF5's own way would put times into them.
void make_parents(hid_t group, const std::string& name) {
  const Id creation(without_times(H5P_GROUP_CREATE));
  for (size_t end = name.find('/'); end != std::string::npos; end = name.find('/', end + 1)) {
    const std::string parent = name.substr(0, end);
    if (H5Lexists(group, parent.c_str(), H5P_DEFAULT) == 0)
      const Id made(H5Gcreate2(group, parent.c_str(), H5P_DEFAULT, creation, H5P_DEFAULT));
  }
}

}  // namespace

Group Group::make_group(const std::string& name) {
  const Lock lock;
  if (has(name)) return group(name);
  make_parents(id(), name);
  const Id creation(without_times(H5P_GROUP_CREATE));
  return Group(check(H5Gcreate2(id(), name.c_str(), H5P_DEFAULT, creation, H5P_DEFAULT), *this,
                     "cannot make group", name));
}

Group Group::group(const std::string& name) const {
  const Lock lock;
  if (!has(name)) throw_error<Error>("{}: has no group '{}'", where(), shown(name));
  return Group(check(H5Gopen2(id(), name.c_str(), H5P_DEFAULT), *this, "cannot open group", name));
}

Dataset Group::dataset(const std::string& name) const {
  const Lock lock;
  if (!has(name)) throw_error<Error>("{}: has no dataset '{}'", where(), shown(name));
  Dataset out(check(H5Dopen2(id(), name.c_str(), H5P_DEFAULT), *this, "cannot open dataset", name));
  refuse_foreign_storage(out, out.id());
  return out;
}

bool Group::has(const std::string& name) const {
  const Lock lock;
  // HDF5 answers for the last link of a path only, and fails where an earlier one is missing.
  for (size_t end = name.find('/'); end != std::string::npos; end = name.find('/', end + 1)) {
    const std::string parent = name.substr(0, end);
    if (H5Lexists(id(), parent.c_str(), H5P_DEFAULT) <= 0) return false;
    refuse_foreign_link(*this, id(), parent);
  }
  if (check(H5Lexists(id(), name.c_str(), H5P_DEFAULT), *this, "cannot look for", name) == 0)
    return false;
  refuse_foreign_link(*this, id(), name);
  return true;
}

bool Group::is_group(const std::string& name) const {
  const Lock lock;
  if (!has(name)) return false;
  const Id object(H5Oopen(id(), name.c_str(), H5P_DEFAULT));
  return object >= 0 && H5Iget_type(object) == H5I_GROUP;
}

std::vector<std::string> Group::names() const {
  const Lock lock;
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  check(H5Literate(id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), *this,
        "cannot be listed");
  return names;
}

void Group::link(const std::string& name, const Object& target) {
  const Lock lock;
  make_parents(id(), name);
  check(H5Olink(target.id_, id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), *this, "cannot link",
        name);
}

void Group::copy(const std::string& name, const Group& from, const std::string& source) {
  const Lock lock;
  make_parents(id(), name);
  check(H5Ocopy(from.id(), source.c_str(), id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), *this,
        "cannot copy", source);
}

Dataset Group::make(const std::string& name, Type type, std::span<const int64_t> sizes,
                    const Storage& storage) {
  const Lock lock;
  make_parents(id(), name);
  const Id creation(without_times(H5P_DATASET_CREATE));
  if (storage.fill != 0) H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &storage.fill);
  if (!storage.chunk.empty() && product(sizes) > 0) {
    const std::vector<hsize_t> chunk(storage.chunk.begin(), storage.chunk.end());
    check(H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), *this,
          "cannot set the chunks of", name);
    H5Pset_shuffle(creation);
    check(H5Pset_deflate(creation, 4), *this, "cannot compress", name);
  }
  const Id space(check(sizes.empty() ? H5Screate(H5S_SCALAR) : simple_space(sizes), *this,
                       "cannot make", name));
  return Dataset(
      check(H5Dcreate2(id(), name.c_str(), native(type), space, H5P_DEFAULT, creation, H5P_DEFAULT),
            *this, "cannot make dataset", name));
}

Dataset Group::adopt(const std::string& name, Type type, std::span<const int64_t> sizes,
                     int64_t offset) {
  const Lock lock;
  make_parents(id(), name);
  const Id creation(without_times(H5P_DATASET_CREATE));
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  const Id space(check(simple_space(sizes), *this, "cannot make", name));
  Disk::of(id()).place_next(offset, product(sizes) * size_of(type));
  Dataset out(
      check(H5Dcreate2(id(), name.c_str(), native(type), space, H5P_DEFAULT, creation, H5P_DEFAULT),
            *this, "cannot make dataset", name));
  if (product(sizes) > 0 && H5Dget_offset(out.id()) != static_cast<haddr_t>(offset))
    throw_error<Error>("{}: libhdf5 does not take its values from byte {}", out.where(), offset);
  return out;
}

void Group::check_size(const std::string& name, std::span<const int64_t> sizes,
                       size_t values) const {
  if (product(sizes) != static_cast<int64_t>(values))
    throw_error<Error>("{}: {}: {} values for the shape [{}]", where(), name, values,
                       fmt::join(sizes, ", "));
}

Dataset Group::write_strings(const std::string& name, int64_t space,
                             std::span<const std::string> values) {
  std::vector<const char*> texts;
  for (const std::string& value : values) {
    if (value.find('\0') != std::string::npos)
      throw_error<Error>(
          "{}: {}: the text '{}' goes on after a NUL byte; accepted: texts without NUL", where(),
          name, shown(value.c_str()));
    texts.push_back(value.c_str());
  }
  make_parents(id(), name);
  const Id type(text_type(H5T_VARIABLE)), creation(without_times(H5P_DATASET_CREATE));
  Dataset out(check(H5Dcreate2(id(), name.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT),
                    *this, "cannot make dataset", name));
  if (!values.empty())
    check(H5Dwrite(out.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()), out,
          "cannot be written");
  return out;
}

Dataset Group::write_texts(const std::string& name, std::span<const std::string> values) {
  const Lock lock;
  const auto size = static_cast<int64_t>(values.size());
  const Id space(simple_space(std::span(&size, 1)));
  return write_strings(name, space, values);
}

Dataset Group::write_text(const std::string& name, const std::string& value) {
  const Lock lock;
  const Id space(H5Screate(H5S_SCALAR));
  return write_strings(name, space, std::span(&value, 1));
}

}  // namespace quantdyn::h5
