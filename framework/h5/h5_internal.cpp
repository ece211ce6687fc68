#include "framework/h5/h5_internal.h"

#include <algorithm>
#include <cstring>

namespace quantdyn::h5 {

static std::recursive_mutex& mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

Lock::Lock() : guard_(mutex()) {
  static const bool is_ready = [] {
    if (H5open() < 0) return false;
    // A file from elsewhere may neither load code nor open other files.
    return H5PLset_loading_state(0) >= 0 && H5Lunregister(H5L_TYPE_EXTERNAL) >= 0;
  }();
  // Every thread has an error stack of its own, which prints by default.
  thread_local const bool is_quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  if (!is_ready || !is_quiet) throw_error<Error>("libhdf5 cannot be started");
}

std::string reason() {
  std::string text;
  const auto keep_first = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& kept = *static_cast<std::string*>(out);
    if (kept.empty() && error->desc) kept = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  H5Eclear2(H5E_DEFAULT);
  constexpr std::string_view quote = "error message = '";
  if (const size_t at = text.find(quote); at != std::string::npos) {
    const size_t begin = at + quote.size();
    return text.substr(begin, text.find('\'', begin) - begin);
  }
  return text.empty() ? "unknown HDF5 error" : text;
}

hid_t native(Type type) {
  switch (type) {
    case Type::float32:
      return H5T_NATIVE_FLOAT;
    case Type::float64:
      return H5T_NATIVE_DOUBLE;
    case Type::int8:
      return H5T_NATIVE_INT8;
    case Type::int16:
      return H5T_NATIVE_INT16;
    case Type::int32:
      return H5T_NATIVE_INT32;
    case Type::int64:
      return H5T_NATIVE_INT64;
    case Type::uint8:
      return H5T_NATIVE_UINT8;
    case Type::uint16:
      return H5T_NATIVE_UINT16;
    case Type::uint32:
      return H5T_NATIVE_UINT32;
    case Type::uint64:
      return H5T_NATIVE_UINT64;
  }
  return -1;
}

Content content_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return Content::integers;
    case H5T_FLOAT:
      return Content::floats;
    case H5T_STRING:
      return Content::texts;
    default:
      return Content::other;
  }
}

hid_t text_type(size_t length) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, std::max<size_t>(length, 1));
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  return type;
}

size_t longest(std::span<const std::string> values) {
  size_t out = 1;
  for (const std::string& value : values) out = std::max(out, value.size());
  return out;
}

std::vector<char> fields_of(std::span<const std::string> values, size_t length) {
  std::vector<char> out(values.size() * length + 1, '\0');
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(out.data() + i * length, values[i].data(), values[i].size());
  return out;
}

namespace {

/// What texts of variable length read as, whose memory it frees.
std::vector<std::string> taken(std::span<char* const> texts) {
  std::vector<std::string> out;
  for (char* text : texts) {
    out.emplace_back(text ? text : "");
    H5free_memory(text);
  }
  return out;
}

/// What a fixed-length field of the given type holds.
std::string trimmed(const char* field, size_t size, hid_t type) {
  std::string out(field, strnlen(field, size));
  if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

void refuse_nul(const Object& object, const std::string& attribute, std::span<const char> field,
                const std::string& text, hid_t type) {
  if (H5Tget_strpad(type) != H5T_STR_NULLPAD || text.size() >= field.size()) return;
  const auto rest = field.subspan(text.size());
  if (std::ranges::all_of(rest, [](char c) { return c == 0; })) return;
  throw_error<Error>("{}: {}{}the text '{}' goes on after a NUL byte; accepted: texts without NUL",
                     object.where(), attribute.empty() ? "" : "attribute ",
                     attribute.empty() ? "" : attribute + ": ", shown(text));
}

}  // namespace

std::vector<std::string> texts_by(const Object& object, const std::string& attribute, hid_t type,
                                  size_t count, const std::function<void(void*)>& read) {
  if (count == 0) return {};
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> pointers(count, nullptr);
    read(pointers.data());
    return taken(pointers);
  }
  const size_t length = H5Tget_size(type);
  std::vector<char> fields(count * length);
  read(fields.data());
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i) {
    const std::span<const char> field = std::span(fields).subspan(i * length, length);
    out.push_back(trimmed(field.data(), length, type));
    refuse_nul(object, attribute, field, out.back(), type);
  }
  return out;
}

std::string shown(const std::string& name) {
  constexpr size_t longest_shown = 300;
  return name.size() <= longest_shown
             ? name
             : fmt::format("{}... ({} bytes)", name.substr(0, longest_shown), name.size());
}

hid_t simple_space(std::span<const int64_t> sizes) {
  const std::vector<hsize_t> extent(sizes.begin(), sizes.end());
  return H5Screate_simple(static_cast<int>(extent.size()), extent.data(), extent.data());
}

int64_t product(std::span<const int64_t> sizes) {
  int64_t out = 1;
  for (const int64_t size : sizes)
    if (size < 0 || __builtin_mul_overflow(out, size, &out)) return -1;
  return out;
}

int64_t size_of(Type type) {
  switch (type) {
    case Type::int8:
    case Type::uint8:
      return 1;
    case Type::int16:
    case Type::uint16:
      return 2;
    case Type::int32:
    case Type::uint32:
    case Type::float32:
      return 4;
    default:
      return 8;
  }
}

}  // namespace quantdyn::h5
