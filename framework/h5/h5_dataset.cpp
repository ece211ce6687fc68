#include <hdf5_hl.h>

#include <algorithm>

#include "framework/h5/h5_disk.h"
#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {

std::vector<int64_t> Dataset::sizes() const {
  const Lock lock;
  const Id space(check(H5Dget_space(id()), *this, "cannot read the shape"));
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return {0};
  std::vector<hsize_t> extent(static_cast<size_t>(
      check(H5Sget_simple_extent_ndims(space), *this, "cannot read the shape")));
  check(H5Sget_simple_extent_dims(space, extent.data(), nullptr), *this, "cannot read the shape");
  return {extent.begin(), extent.end()};
}

int64_t Dataset::elements() const {
  const int64_t out = product(sizes());
  if (out < 0) throw_error<Error>("{}: claims more than 2^63 values", where());
  return out;
}

int64_t Dataset::elements_of_rows(int64_t first, int64_t count) const {
  const std::vector<int64_t> shape = sizes();
  if (shape.empty() || first < 0 || count < 0 || first > shape[0] || count > shape[0] - first)
    throw_error<Error>("{}: entries {} to {} were requested; it has {}", where(), first,
                       first + count, shape.empty() ? 0 : shape[0]);
  return count * product(std::span(shape).subspan(1));
}

Content Dataset::content() const {
  const Lock lock;
  const Id type(check(H5Dget_type(id()), *this, "cannot read the type"));
  return content_of(type);
}

bool Dataset::holds_bytes() const {
  const Lock lock;
  const Id type(check(H5Dget_type(id()), *this, "cannot read the type"));
  return H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 1 &&
         H5Tget_sign(type) == H5T_SGN_NONE;
}

int64_t Dataset::rows_per_chunk() const {
  const Lock lock;
  const Id list(check(H5Dget_create_plist(id()), *this, "cannot read the layout"));
  if (H5Pget_layout(list) != H5D_CHUNKED) return 1;
  std::vector<hsize_t> chunk(std::max<size_t>(sizes().size(), 1));
  check(H5Pget_chunk(list, static_cast<int>(chunk.size()), chunk.data()), *this,
        "cannot read the layout");
  return static_cast<int64_t>(chunk[0]);
}

bool Dataset::is_same_as(const Dataset& other) const {
  const Lock lock;
  H5O_info_t here{}, there{};
  check(H5Oget_info(id(), &here), *this, "cannot be found");
  check(H5Oget_info(other.id(), &there), other, "cannot be found");
  return here.fileno == there.fileno && here.addr == there.addr;
}

namespace {

/// Selects entries [first, first + count) of the outermost axis; the matching space in memory.
hid_t select_rows(hid_t file_space, std::span<const int64_t> sizes, int64_t first, int64_t count) {
  std::vector<hsize_t> start(sizes.size(), 0), extent(sizes.begin(), sizes.end());
  start[0] = static_cast<hsize_t>(first);
  extent[0] = static_cast<hsize_t>(count);
  if (H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                          nullptr) < 0)
    return -1;
  return H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr);
}

}  // namespace

void Dataset::read_rows(Type type, int64_t first, int64_t count, void* values) const {
  const Lock lock;
  if (content() != Content::integers && content() != Content::floats)
    throw_error<Error>("{}: expected numbers, found {}", where(),
                       content() == Content::texts ? "texts" : "another type");
  if (count == 0 || elements() == 0) return;
  if (count < 0) {
    check(H5Dread(id(), native(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), *this,
          "cannot be read");
    return;
  }
  elements_of_rows(first, count);
  const Id space(H5Dget_space(id()));
  const Id memory(check(select_rows(space, sizes(), first, count), *this, "cannot be read"));
  check(H5Dread(id(), native(type), memory, space, H5P_DEFAULT, values), *this, "cannot be read");
}

void Dataset::write_rows(Type type, int64_t first, int64_t count, const void* values) {
  const Lock lock;
  if (count == 0 || elements() == 0) return;
  const int64_t written = count < 0 ? elements() : elements_of_rows(first, count);
  if (count < 0) {
    check(H5Dwrite(id(), native(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values), *this,
          "cannot be written");
  } else {
    const Id space(H5Dget_space(id()));
    const Id memory(check(select_rows(space, sizes(), first, count), *this, "cannot be written"));
    check(H5Dwrite(id(), native(type), memory, space, H5P_DEFAULT, values), *this,
          "cannot be written");
  }
  // A full disk shows here, not first at the end of a large file. A flush looks at all that libhdf5
  // holds of the file, so small arrays go without.
  constexpr int64_t large = 1 << 20;
  if (written * size_of(type) >= large) check(H5Dflush(id()), *this, "cannot be written");
  Disk::of(id()).check();
}

std::vector<std::string> Dataset::read_texts() const {
  const Lock lock;
  const Id type(check(H5Dget_type(id()), *this, "cannot read the type"));
  if (content_of(type) != Content::texts)
    throw_error<Error>("{}: expected texts, found another type", where());
  const auto count = static_cast<size_t>(elements());
  return texts_by(*this, "", type, count, [&](void* values) {
    check(H5Dread(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), *this, "cannot be read");
  });
}

void Dataset::make_scale(const std::string& name) {
  const Lock lock;
  check(H5DSset_scale(id(), name.c_str()), *this, "cannot be made an axis");
}

void Dataset::attach_scale(int axis, const Dataset& scale) {
  const Lock lock;
  check(H5DSattach_scale(id(), scale.id(), static_cast<unsigned>(axis)), *this,
        "cannot be given the axis", scale.where());
}

// H5DSis_scale and H5DSget_scale_name read past the end of a class that has no final NUL.
bool Dataset::is_scale() const {
  return has_attribute("CLASS") && attribute_content("CLASS") == Content::texts &&
         text("CLASS") == "DIMENSION_SCALE";
}

std::vector<std::string> Dataset::axis_names() const {
  const Lock lock;
  std::vector<std::string> names(sizes().size());
  if (is_scale()) return names;  // a scale has no scales
  struct Taken {
    std::string name, problem;
  };
  const auto take = [](hid_t, unsigned, hid_t id, void* to) -> herr_t {
    auto& out = *static_cast<Taken*>(to);
    H5Iinc_ref(id);
    const Dataset scale(id);
    try {
      if (scale.is_scale() && scale.has_attribute("NAME")) out.name = scale.text("NAME");
    } catch (const Error& e) {  // it must not pass through libhdf5
      out.problem = e.what();
    }
    return 1;  // the first one is enough
  };
  for (size_t axis = 0; axis < names.size(); ++axis) {
    Taken taken;
    check(H5DSiterate_scales(id(), static_cast<unsigned>(axis), nullptr, take, &taken), *this,
          "its axes cannot be read");
    if (!taken.problem.empty()) throw_error<Error>("{}", taken.problem);
    names[axis] = taken.name;
  }
  return names;
}

}  // namespace quantdyn::h5
