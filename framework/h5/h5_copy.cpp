#include <map>
#include <utility>

#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {
namespace {

/// What libhdf5 keeps the axes of an array in: references, which only hold within one file.
bool belongs_to_scales(const std::string& attribute) {
  for (const char* own : {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS"})
    if (attribute == own) return true;
  return false;
}

}  // namespace

void Object::copy_attributes(const Object& from) {
  for (const std::string& name : from.attributes()) {
    if (belongs_to_scales(name)) continue;
    const Id source(from.open_attribute(name));
    const Id type(H5Aget_type(source)), space(H5Aget_space(source));
    const size_t bytes = static_cast<size_t>(from.attribute_size(name)) * H5Tget_size(type);
    std::vector<char> values(bytes + 1);  // never empty, so that it has data()
    if (bytes > 0) check(H5Aread(source, type, values.data()), from, "cannot read attribute", name);
    write_attribute(name, type, space, bytes > 0 ? values.data() : nullptr);
  }
}

void Group::copy_with_scales(const std::string& name, const Group& from,
                             const std::string& source) {
  const Lock lock;
  const Group old = from.group(source);
  Group made = make_group(name);
  made.copy_attributes(old);
  const Id without_attributes(H5Pcreate(H5P_OBJECT_COPY));
  H5Pset_copy_object(without_attributes, H5O_COPY_WITHOUT_ATTR_FLAG);
  struct Pair {
    Dataset from, to;
  };
  std::map<std::string, Pair> copies;  // open until their axes are known
  for (const std::string& child : old.names()) {
    if (old.is_group(child)) {
      made.copy_with_scales(child, old, child);
      continue;
    }
    check(
        H5Ocopy(old.id(), child.c_str(), made.id(), child.c_str(), without_attributes, H5P_DEFAULT),
        *this, "cannot copy", child);
    Pair copy{old.dataset(child), made.dataset(child)};
    copy.to.copy_attributes(copy.from);
    if (copy.from.is_scale()) copy.to.make_scale(child);
    copies.emplace(child, std::move(copy));
  }
  for (auto& [child, copy] : copies) {
    const std::vector<std::string> axes = copy.from.axis_names();
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      if (axes[axis].empty()) continue;
      const auto scale = copies.find(axes[axis]);
      if (scale != copies.end())
        copy.to.attach_scale(static_cast<int>(axis), scale->second.to);
      else
        copy.to.attach_scale(static_cast<int>(axis), made.dataset(axes[axis]));
    }
  }
}

}  // namespace quantdyn::h5
