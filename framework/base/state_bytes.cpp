#include "framework/base/state_bytes.h"

#include <cstring>
#include <utility>

#include "framework/base/ranks.h"

namespace quantdyn {
namespace {

class ByteWriter {
 public:
  void put(const void* data, size_t size) {
    const auto* const bytes = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), bytes, bytes + size);
  }
  void put_count(size_t count) {
    const auto number = static_cast<uint64_t>(count);
    put(&number, sizeof number);
  }
  void put_text(const std::string& text) {
    put_count(text.size());
    put(text.data(), text.size());
  }
  std::vector<std::byte> take() { return std::move(out_); }

 private:
  std::vector<std::byte> out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : left_(bytes) {}
  bool is_at_end() const { return left_.empty(); }
  std::span<const std::byte> take(size_t size) {
    if (size > left_.size())
      throw_error("state: {} bytes are missing at the end", size - left_.size());
    const auto out = left_.first(size);
    left_ = left_.subspan(size);
    return out;
  }
  size_t take_count() {
    uint64_t number = 0;
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
    return number;
  }
  std::string take_text() {
    const auto bytes = take(take_count());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::byte> left_;
};

void put_values(ByteWriter& to, const std::vector<std::string>& values) {
  for (const std::string& value : values) to.put_text(value);
}
template <typename T>
void put_values(ByteWriter& to, const std::vector<T>& values) {
  to.put(values.data(), values.size() * sizeof(T));
}

void take_values(ByteReader& from, std::vector<std::string>& values) {
  for (std::string& value : values) value = from.take_text();
}
template <typename T>
void take_values(ByteReader& from, std::vector<T>& values) {
  const auto bytes = from.take(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
}

/// `count` values of the type that is the alternative of a StateArray.
template <size_t index = 0>
StateArray taken(ByteReader& from, size_t alternative, size_t count) {
  if constexpr (index < std::variant_size_v<StateArray>) {
    if (alternative != index) return taken<index + 1>(from, alternative, count);
    std::variant_alternative_t<index, StateArray> values(count);
    take_values(from, values);
    return values;
  }
  throw_error("state: {} names no type", alternative);
}

}  // namespace

std::vector<std::byte> bytes_of(const State& state) {
  ByteWriter out;
  for (const auto& [name, array] : state) {
    out.put_text(name);
    out.put_count(array.index());
    std::visit(
        [&](const auto& values) {
          out.put_count(values.size());
          put_values(out, values);
        },
        array);
  }
  return out.take();
}

State state_of(std::span<const std::byte> bytes) {
  ByteReader from(bytes);
  State out;
  while (!from.is_at_end()) {
    std::string name = from.take_text();
    const size_t alternative = from.take_count(), count = from.take_count();
    out.emplace(std::move(name), taken(from, alternative, count));
  }
  return out;
}

std::vector<State> gather(const State& own) {
  const std::vector<std::byte> bytes = bytes_of(own);
  const auto count = static_cast<size_t>(ranks().count());
  std::vector<int64_t> sizes(count);
  const int64_t size = std::ssize(bytes);
  const std::vector<std::byte> all_sizes =
      ranks().gather(std::as_bytes(std::span(&size, 1)),
                     std::vector<int64_t>(count, static_cast<int64_t>(sizeof size)));
  std::memcpy(sizes.data(), all_sizes.data(), all_sizes.size());
  const std::vector<std::byte> all = ranks().gather(bytes, sizes);
  std::vector<State> out;
  std::span<const std::byte> left = all;
  for (const int64_t of_rank : sizes) {
    out.push_back(state_of(left.first(static_cast<size_t>(of_rank))));
    left = left.subspan(static_cast<size_t>(of_rank));
  }
  return out;
}

}  // namespace quantdyn
