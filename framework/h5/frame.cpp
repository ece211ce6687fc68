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

namespace {

void visit_array(StateVisitor state, Frame::Array& array) {
  state.visit("name", array.quantity.name);
  state.visit("units", array.quantity.units);
  state.visit("long_name", array.quantity.long_name);
  state.visit("formula", array.quantity.formula);
  state.visit("axis", array.quantity.axis);
  auto scope = static_cast<int64_t>(array.scope);
  state.visit("scope", scope);
  array.scope = static_cast<Frame::Scope>(scope);
  state.visit("tensor", array.tensor);
  state.visit("per_entry", array.per_entry);
  bool counts = std::holds_alternative<std::vector<uint64_t>>(array.values);
  state.visit("counts", counts);
  if (state.is_loading() && counts) array.values = std::vector<uint64_t>();
  std::visit([&](auto& values) { state.visit("values", values); }, array.values);
}

}  // namespace

void Frame::visit_state(StateVisitor state) {
  std::vector<std::string> paths;
  for (const auto& [path, array] : arrays_) paths.push_back(path);
  state.visit("arrays", paths);
  if (state.is_loading()) arrays_.clear();
  for (const std::string& path : paths) visit_array(state.group(path), arrays_[path]);
}

}  // namespace quantdyn
