#include "framework/h5/h5_internal.h"

namespace quantdyn::h5 {

// A damaged file may claim any number.
static constexpr int64_t most_texts = 1 << 20;
static constexpr hsize_t most_attribute_bytes = 64 << 20;

Object::Object(Object&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
Object& Object::operator=(Object&& other) noexcept {
  if (this != &other) {
    close();
    id_ = std::exchange(other.id_, -1);
  }
  return *this;
}
Object::~Object() { close(); }

void Object::close() noexcept {
  if (id_ < 0) return;
  const Lock lock;
  const hid_t id = std::exchange(id_, -1);
  // The file may have been closed, and this with it: an error would stay in this thread's stack.
  if (H5Iis_valid(id) > 0) H5Idec_ref(id);
}

std::string Object::where() const {
  const Lock lock;
  const auto name_by = [this](auto get) {
    const ssize_t length = get(id_, nullptr, size_t{0});
    std::string name(length > 0 ? static_cast<size_t>(length) : 0, '\0');
    if (length > 0) get(id_, name.data(), name.size() + 1);
    return name;
  };
  const std::string file = name_by(H5Fget_name), inside = name_by(H5Iget_name);
  if (file.empty()) return "a closed HDF5 file";
  return inside.empty() || inside == "/" ? file : file + ": " + shown(inside);
}

void Object::write_attribute(const std::string& name, int64_t type, int64_t space,
                             const void* values) {
  if (has_attribute(name))
    check(H5Adelete(id_, name.c_str()), *this, "cannot replace attribute", name);
  const Id attribute(check(H5Acreate2(id_, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                           *this, "cannot make attribute", name));
  if (values)  // of an empty list there may be none
    check(H5Awrite(attribute, type, values), *this, "cannot write attribute", name);
}

void Object::set(const std::string& name, const std::string& value) {
  const Lock lock;
  const Id type(text_type(value.size())), space(H5Screate(H5S_SCALAR));
  write_attribute(name, type, space, value.c_str());
}
void Object::set(const std::string& name, int64_t value) {
  const Lock lock;
  const Id space(H5Screate(H5S_SCALAR));
  write_attribute(name, H5T_NATIVE_INT64, space, &value);
}
void Object::set(const std::string& name, double value) {
  const Lock lock;
  const Id space(H5Screate(H5S_SCALAR));
  write_attribute(name, H5T_NATIVE_DOUBLE, space, &value);
}
void Object::set(const std::string& name, std::span<const int64_t> values) {
  const Lock lock;
  const auto size = static_cast<int64_t>(values.size());
  const Id space(simple_space(std::span(&size, 1)));
  write_attribute(name, H5T_NATIVE_INT64, space, values.data());
}
void Object::set(const std::string& name, std::span<const double> values) {
  const Lock lock;
  const auto size = static_cast<int64_t>(values.size());
  const Id space(simple_space(std::span(&size, 1)));
  write_attribute(name, H5T_NATIVE_DOUBLE, space, values.data());
}
void Object::set(const std::string& name, std::span<const std::string> values) {
  const Lock lock;
  const auto size = static_cast<int64_t>(values.size());
  const size_t length = longest(values);
  const Id type(text_type(length)), space(simple_space(std::span(&size, 1)));
  write_attribute(name, type, space, fields_of(values, length).data());
}

bool Object::has_attribute(const std::string& name) const {
  const Lock lock;
  return check(H5Aexists(id_, name.c_str()), *this, "cannot look for attribute", name) > 0;
}

std::vector<std::string> Object::attributes() const {
  const Lock lock;
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  check(H5Aiterate2(id_, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), *this,
        "cannot list attributes");
  return names;
}

uint64_t Object::address() const {
  const Lock lock;
  H5O_info_t info{};
  check(H5Oget_info2(id_, &info, H5O_INFO_BASIC), *this, "cannot be found");
  return info.addr;
}

int64_t Object::open_attribute(const std::string& name) const {
  Id attribute(
      check(H5Aopen(id_, name.c_str(), H5P_DEFAULT), *this, "cannot open attribute", name));
  const hsize_t bytes = H5Aget_storage_size(attribute);
  if (bytes > most_attribute_bytes)
    throw_error<Error>("{}: attribute {}: {} MiB; accepted: at most {} MiB", where(), shown(name),
                       bytes >> 20, most_attribute_bytes >> 20);
  return attribute.release();
}

Content Object::attribute_content(const std::string& name) const {
  const Lock lock;
  const Id attribute(open_attribute(name));
  const Id type(H5Aget_type(attribute));
  return content_of(type);
}

int64_t Object::attribute_size(const std::string& name) const {
  const Id attribute(open_attribute(name));
  const Id space(H5Aget_space(attribute));
  return check(H5Sget_simple_extent_npoints(space), *this, "cannot measure attribute", name);
}

void Object::read_attribute(const std::string& name, Type type, int64_t count, void* values) const {
  if (attribute_size(name) != count)
    throw_error<Error>("{}: attribute {}: expected {} value(s), found {}", where(), name, count,
                       attribute_size(name));
  const Content content = attribute_content(name);
  const bool is_integer = content == Content::integers;
  if (!is_integer && (content != Content::floats || type == Type::int64))
    throw_error<Error>("{}: attribute {}: expected {}, found another type", where(), name,
                       type == Type::int64 ? "a whole number" : "a number");
  const Id attribute(open_attribute(name));
  check(H5Aread(attribute, native(type), values), *this, "cannot read attribute", name);
}

int64_t Object::integer(const std::string& name) const {
  const Lock lock;
  int64_t value = 0;
  read_attribute(name, Type::int64, 1, &value);
  return value;
}
double Object::number(const std::string& name) const {
  const Lock lock;
  double value = 0;
  read_attribute(name, Type::float64, 1, &value);
  return value;
}
std::vector<double> Object::numbers(const std::string& name) const {
  const Lock lock;
  std::vector<double> values(static_cast<size_t>(attribute_size(name)));
  read_attribute(name, Type::float64, static_cast<int64_t>(values.size()), values.data());
  return values;
}

std::string Object::text(const std::string& name) const {
  const Lock lock;
  if (attribute_content(name) != Content::texts || attribute_size(name) != 1)
    throw_error<Error>("{}: attribute {}: expected one text, found something else", where(), name);
  return texts(name).front();
}

std::vector<std::string> Object::texts(const std::string& name) const {
  const Lock lock;
  const int64_t count = attribute_size(name);
  if (count == 0) return {};
  if (count > most_texts)
    throw_error<Error>("{}: attribute {}: {} texts; accepted: at most {}", where(), shown(name),
                       count, most_texts);
  const Id attribute(open_attribute(name));
  const Id type(H5Aget_type(attribute));
  if (content_of(type) != Content::texts)
    throw_error<Error>("{}: attribute {}: expected texts, found another type", where(), name);
  return texts_by(*this, name, type, static_cast<size_t>(count), [&](void* values) {
    check(H5Aread(attribute, type, values), *this, "cannot read attribute", name);
  });
}

}  // namespace quantdyn::h5
