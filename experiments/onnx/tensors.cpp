#include "experiments/onnx/tensors.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;
using Proto = onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

/// IEEE 754 binary16 in float32, exactly.
float from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float sign = bits >> 15 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                               : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25));
}

int64_t size_of(int32_t type) {
  switch (type) {
    case Proto::FLOAT:
    case Proto::INT32:
      return 4;
    case Proto::INT64:
      return 8;
    case Proto::FLOAT16:
    case Proto::INT16:
    case Proto::UINT16:
      return 2;
    case Proto::INT8:
    case Proto::UINT8:
    case Proto::BOOL:
      return 1;
    default:
      return 0;
  }
}

int64_t elements_of(const Proto& tensor, const std::string& where) {
  int64_t out = 1;
  for (const int64_t size : tensor.dims()) {
    if (size < 0)
      throw_error<ConfigError>("{}: has the size {}; accepted: 0 and more", where, size);
    out = size == 0 ? 0 : out <= largest_onnx_tensor / size ? out * size : largest_onnx_tensor + 1;
    if (out > largest_onnx_tensor)
      throw_error<ConfigError>("{}: has sizes [{}]; accepted: tensors of up to 1 GiB", where,
                               fmt::join(tensor.dims(), ", "));
  }
  return out;
}

/// The values of raw_data as numbers of type `Stored`.
template <typename Stored, typename To, typename Convert>
void read_raw(const std::string& bytes, std::vector<To>& to, const Convert& convert) {
  for (size_t i = 0; i < to.size(); ++i) {
    Stored value;
    std::memcpy(&value, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    to[i] = convert(value);
  }
}

template <typename Stored>
void read_raw_integers(const std::string& bytes, std::vector<int64_t>& to) {
  read_raw<Stored>(bytes, to, [](Stored value) { return static_cast<int64_t>(value); });
}

void read_raw(const Proto& tensor, OnnxTensor& out) {
  const std::string& bytes = tensor.raw_data();
  switch (tensor.data_type()) {
    case Proto::FLOAT:
      return read_raw<float>(bytes, out.floats, [](float value) { return value; });
    case Proto::FLOAT16:
      return read_raw<uint16_t>(bytes, out.floats, from_half);
    case Proto::INT64:
      return read_raw_integers<int64_t>(bytes, out.integers);
    case Proto::INT32:
      return read_raw_integers<int32_t>(bytes, out.integers);
    case Proto::INT16:
      return read_raw_integers<int16_t>(bytes, out.integers);
    case Proto::UINT16:
      return read_raw_integers<uint16_t>(bytes, out.integers);
    case Proto::INT8:
      return read_raw_integers<int8_t>(bytes, out.integers);
    default:
      return read_raw_integers<uint8_t>(bytes, out.integers);
  }
}

/// The values of the field that ONNX has for the type; others are ignored.
void read_fields(const Proto& tensor, OnnxTensor& out, const std::string& where) {
  const auto copy = [&](const auto& from, auto& to, const auto& convert) {
    if (from.size() != static_cast<int>(to.size()))
      throw_error<ConfigError>("{}: has {} values, its sizes [{}] ask for {}", where, from.size(),
                               fmt::join(tensor.dims(), ", "), to.size());
    for (size_t i = 0; i < to.size(); ++i) to[i] = convert(from[static_cast<int>(i)]);
  };
  const auto same = [](auto value) { return value; };
  if (tensor.data_type() == Proto::FLOAT)
    copy(tensor.float_data(), out.floats, same);
  else if (tensor.data_type() == Proto::FLOAT16)
    copy(tensor.int32_data(), out.floats,
         [](int32_t value) { return from_half(static_cast<uint16_t>(value)); });
  else if (tensor.data_type() == Proto::INT64)
    copy(tensor.int64_data(), out.integers, same);
  else
    copy(tensor.int32_data(), out.integers, same);
}

/// A number of an external_data entry.
int64_t number_of(const std::string& key, const std::string& text, const std::string& where) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 0)
    throw_error<ConfigError>("{}: external data: {} is '{}'; accepted: a number of bytes", where,
                             key, text);
  return out;
}

/// The file of external data: inside the folder, also after links are followed.
fs::path external_file(const std::string& location, const fs::path& folder,
                       const std::string& where) {
  const fs::path path(location);
  bool leaves = path.empty() || path.is_absolute();
  for (const fs::path& part : path) leaves = leaves || part == "..";
  std::error_code error;
  const fs::path base = fs::canonical(folder.empty() ? "." : folder, error);
  const fs::path file = fs::weakly_canonical(base / path, error);
  const fs::path inside = file.lexically_relative(base);
  leaves = leaves || error || inside.empty() || *inside.begin() == "..";
  if (leaves)
    throw_error<ConfigError>(
        "{}: external data in '{}'; accepted: a file in the model's folder or below it", where,
        location);
  if (!fs::is_regular_file(file, error))
    throw_error<ConfigError>("{}: external data: {}: no such file", where, file.string());
  return file;
}

}  // namespace

std::string onnx_type_name(int32_t type) {
  static const std::map<int32_t, std::string> names{
      {Proto::FLOAT, "float32"},       {Proto::UINT8, "uint8"},
      {Proto::INT8, "int8"},           {Proto::UINT16, "uint16"},
      {Proto::INT16, "int16"},         {Proto::INT32, "int32"},
      {Proto::INT64, "int64"},         {Proto::STRING, "string"},
      {Proto::BOOL, "bool"},           {Proto::FLOAT16, "float16"},
      {Proto::DOUBLE, "float64"},      {Proto::UINT32, "uint32"},
      {Proto::UINT64, "uint64"},       {Proto::BFLOAT16, "bfloat16"},
      {Proto::COMPLEX64, "complex64"}, {Proto::COMPLEX128, "complex128"}};
  const auto found = names.find(type);
  return found == names.end() ? fmt::format("number {}", type) : found->second;
}

void load_external_data(Proto& tensor, const fs::path& folder, const std::string& where) {
  if (tensor.data_location() != Proto::EXTERNAL) return;
  std::string location;
  int64_t offset = 0, length = elements_of(tensor, where) * size_of(tensor.data_type());
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = number_of("offset", entry.value(), where);
    if (entry.key() == "length") length = number_of("length", entry.value(), where);
  }
  const fs::path file = external_file(location, folder, where);
  std::error_code error;
  const auto size = static_cast<int64_t>(fs::file_size(file, error));
  if (error || offset > size || length > size - offset)
    throw_error<ConfigError>("{}: external data: {} has {} bytes, {} from byte {} are wanted",
                             where, file.string(), error ? 0 : size, length, offset);
  if (length > largest_onnx_tensor)
    throw_error<ConfigError>("{}: external data of {} bytes; accepted: tensors of up to 1 GiB",
                             where, length);
  std::string bytes(static_cast<size_t>(length), '\0');
  std::ifstream in(file, std::ios::binary);
  in.seekg(offset);
  if (!in.read(bytes.data(), length))
    throw_error<ConfigError>("{}: external data: {} cannot be read", where, file.string());
  tensor.set_raw_data(std::move(bytes));
  tensor.clear_external_data();
  tensor.clear_data_location();
}

OnnxTensor read_tensor(const Proto& tensor, const std::string& where) {
  const int64_t elements = elements_of(tensor, where), bytes = size_of(tensor.data_type());
  if (bytes == 0 || tensor.has_segment())
    throw_error<ConfigError>(
        "{}: holds {}; accepted: float32, float16 (computed in float32), int8, uint8, int16, "
        "uint16, int32, int64, bool",
        where, tensor.has_segment() ? "a segment" : onnx_type_name(tensor.data_type()));
  const auto stored = static_cast<int64_t>(tensor.raw_data().size());
  if (tensor.has_raw_data() && stored != elements * bytes)
    throw_error<ConfigError>("{}: has {} bytes, its sizes [{}] ask for {}", where, stored,
                             fmt::join(tensor.dims(), ", "), elements * bytes);
  const int64_t listed =
      tensor.float_data_size() + tensor.int32_data_size() + tensor.int64_data_size();
  if (!tensor.has_raw_data() && listed != elements)  // before room for them is made
    throw_error<ConfigError>("{}: has {} values, its sizes [{}] ask for {}", where, listed,
                             fmt::join(tensor.dims(), ", "), elements);
  const bool is_float = tensor.data_type() == Proto::FLOAT || tensor.data_type() == Proto::FLOAT16;
  OnnxTensor out{.type = is_float ? OnnxTensor::Type::floats : OnnxTensor::Type::integers,
                 .type_name = onnx_type_name(tensor.data_type()),
                 .sizes = {tensor.dims().begin(), tensor.dims().end()},
                 .floats = std::vector<float>(static_cast<size_t>(is_float ? elements : 0)),
                 .integers = std::vector<int64_t>(static_cast<size_t>(is_float ? 0 : elements))};
  if (tensor.has_raw_data())
    read_raw(tensor, out);
  else
    read_fields(tensor, out, where);
  return out;
}

}  // namespace quantdyn
