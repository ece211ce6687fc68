#include "framework/h5/frame.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <type_traits>

namespace quantdyn {

std::string Frame::Array::path() const {
  if (scope == Scope::network) return "networkwise/" + quantity.name;
  return (scope == Scope::layer ? "layerwise/" : "channelwise/") + tensor + "/" + quantity.name;
}

template <typename T>
void Frame::put(Scope scope, const std::string& tensor, const Quantity& quantity, int64_t first,
                int64_t entries, std::span<const T> values) {
  if (entries == 0) return;  // a node without channels
  const int64_t total = scope == Scope::network ? 1 : scope == Scope::layer ? nodes() : channels();
  const int64_t per_entry = static_cast<int64_t>(values.size()) / entries;
  assert(per_entry * entries == static_cast<int64_t>(values.size()));
  Array fresh{quantity, scope, tensor, per_entry, {}};
  const auto [found, is_new] = arrays_.try_emplace(fresh.path(), fresh);
  Array& array = found->second;
  if (is_new) {
    const T missing = std::is_same_v<T, double> ? std::numeric_limits<T>::quiet_NaN() : T{};
    array.values = std::vector<T>(static_cast<size_t>(total * per_entry), missing);
  }
  assert(array.per_entry == per_entry);
  std::ranges::copy(values, std::get<std::vector<T>>(array.values).begin() + first * per_entry);
}

void Frame::network(const Quantity& quantity, double value) {
  put(Scope::network, "", quantity, 0, 1, std::span<const double>(&value, 1));
}
void Frame::layer(const std::string& tensor, const Quantity& quantity, int64_t node,
                  std::span<const double> values) {
  put(Scope::layer, tensor, quantity, node, 1, values);
}
void Frame::layer(const std::string& tensor, const Quantity& quantity, int64_t node,
                  std::span<const uint64_t> values) {
  put(Scope::layer, tensor, quantity, node, 1, values);
}
void Frame::channel(const std::string& tensor, const Quantity& quantity, int64_t node,
                    std::span<const double> values) {
  put(Scope::channel, tensor, quantity, offsets_[node], channels_of(node), values);
}
void Frame::channel(const std::string& tensor, const Quantity& quantity, int64_t node,
                    std::span<const uint64_t> values) {
  put(Scope::channel, tensor, quantity, offsets_[node], channels_of(node), values);
}

}  // namespace quantdyn
