// What decides later bits of a run, by name, and the one pass over it that saves it or loads it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/tensor.h"

namespace quantdyn {

using StateArray = std::variant<std::vector<int8_t>, std::vector<int32_t>, std::vector<int64_t>,
                                std::vector<uint64_t>, std::vector<float>, std::vector<double>,
                                std::vector<std::string>>;
/// Names are paths: "trainer/optimizer/states/3".
using State = std::map<std::string, StateArray>;

/// Saves to or loads from a State. A class lists what it keeps in one function,
///
///     void visit_state(StateVisitor& state) {
///       state.visit("step", step_);
///       StateVisitor range = state.group("range");
///       range_.visit_state(range);
///     }
///
/// which does both, so that the two cannot drift apart. What follows from other state, or from the
/// step and a seed, is not listed; visit_state() computes it again if is_loading().
///
/// While loading, Error names what the state lacks, has in another type, or in another size.
class StateVisitor {
 public:
  static StateVisitor saving(State& to) { return StateVisitor(&to, nullptr, ""); }
  static StateVisitor loading(const State& from) { return StateVisitor(nullptr, &from, ""); }

  bool is_loading() const { return from_ != nullptr; }
  /// A part of the state with names of its own.
  StateVisitor group(const std::string& name) const {
    return StateVisitor(to_, from_, prefix_ + name + "/");
  }

  void visit(const std::string& name, int64_t& value) { visit_one(name, value); }
  void visit(const std::string& name, uint64_t& value) { visit_one(name, value); }
  void visit(const std::string& name, double& value) { visit_one(name, value); }
  void visit(const std::string& name, std::string& value) { visit_one(name, value); }
  void visit(const std::string& name, bool& value) {
    int64_t number = value ? 1 : 0;
    visit_one(name, number);
    value = number != 0;
  }
  /// A vector of any size.
  template <typename T>
  void visit(const std::string& name, std::vector<T>& values) {
    if (is_loading())
      values = found<T>(name);
    else
      put(name, values);
  }
  /// A vector whose size is fixed.
  template <typename T>
  void visit_fixed(const std::string& name, std::vector<T>& values) {
    visit_values(name, std::span<T>(values));
  }
  /// A tensor whose shape is fixed.
  template <typename T>
  void visit(const std::string& name, Tensor<T>& tensor) {
    visit_values(name, tensor.values());
  }

 private:
  StateVisitor(State* to, const State* from, std::string prefix)
      : to_(to), from_(from), prefix_(std::move(prefix)) {}

  template <typename T>
  void put(const std::string& name, std::vector<T> values) {
    if (!to_->emplace(prefix_ + name, std::move(values)).second)
      throw_error<Error>("state: '{}{}' is saved twice", prefix_, name);
  }
  template <typename T>
  const std::vector<T>& found(const std::string& name) const {
    const auto entry = from_->find(prefix_ + name);
    if (entry == from_->end()) throw_error<Error>("state: '{}{}' is missing", prefix_, name);
    if (const auto* values = std::get_if<std::vector<T>>(&entry->second)) return *values;
    throw_error<Error>("state: '{}{}' has another type", prefix_, name);
  }
  template <typename T>
  void visit_one(const std::string& name, T& value) {
    if (!is_loading()) return put(name, std::vector<T>{value});
    const std::vector<T>& values = found<T>(name);
    check_size(name, values.size(), 1);
    value = values[0];
  }
  template <typename T>
  void visit_values(const std::string& name, std::span<T> values) {
    if (!is_loading()) return put(name, std::vector<T>(values.begin(), values.end()));
    const std::vector<T>& loaded = found<T>(name);
    check_size(name, loaded.size(), values.size());
    std::ranges::copy(loaded, values.begin());
  }
  void check_size(const std::string& name, size_t size, size_t expected) const {
    if (size != expected)
      throw_error<Error>("state: '{}{}' has {} values; expected {}", prefix_, name, size, expected);
  }

  State* to_;
  const State* from_;
  std::string prefix_;
};

}  // namespace quantdyn
