#include "experiments/results/snapshot_state.h"

#include <variant>

namespace quantdyn {
namespace {

/// Visits all entries of a vector, which may have another size while loading.
template <typename T, typename Visit>
void visit_each(StateVisitor state, std::vector<T>& entries, const Visit& visit) {
  auto size = static_cast<int64_t>(entries.size());
  state.visit("size", size);
  if (state.is_loading()) entries = std::vector<T>(static_cast<size_t>(size));
  for (size_t i = 0; i < entries.size(); ++i) visit(state.group(std::to_string(i)), entries[i]);
}

void visit_shape(StateVisitor state, Shape& shape) {
  std::vector<int64_t> sizes(shape.sizes().begin(), shape.sizes().end());
  state.visit("shape", sizes);
  shape = Shape(sizes);
}

void visit_parameter(StateVisitor state, SavedParameter& parameter) {
  state.visit("node", parameter.node);
  state.visit("parameter", parameter.parameter);
  visit_shape(state, parameter.shape);
  state.visit("values", parameter.values);
}

/// A variant as the number of its alternative, made with its default value while loading.
template <typename... T>
void visit_alternative(StateVisitor state, std::variant<T...>& value) {
  auto index = static_cast<int64_t>(value.index());
  state.visit("type", index);
  if (!state.is_loading()) return;
  int64_t i = 0;
  (void)((i++ == index ? (value = T(), true) : false) || ...);
}

void visit_facts(StateVisitor state, Facts& facts) {
  visit_each(state, facts, [](StateVisitor of, std::pair<std::string, Fact>& fact) {
    of.visit("name", fact.first);
    visit_alternative(of, fact.second);
    std::visit([&](auto& value) { of.visit("value", value); }, fact.second);
  });
}

void visit_entry(StateVisitor state, QuantizationEntry& entry) {
  state.visit("node", entry.node);
  state.visit("tensor", entry.tensor);
  state.visit("rows", entry.rows);
  visit_shape(state, entry.shape);
  visit_alternative(state, entry.codes);
  std::visit(
      [&]<typename Code>(std::vector<Code>& codes) {
        std::vector<int32_t> wide(codes.begin(), codes.end());
        state.visit("codes", wide);
        codes.clear();
        for (const int32_t code : wide) codes.push_back(static_cast<Code>(code));
      },
      entry.codes);
  state.visit("levels", entry.levels);
  state.visit("scale", entry.scale);
  state.visit("zero_point", entry.zero_point);
  state.visit("convergence_images", entry.convergence_images);
  state.visit("convergence_low", entry.convergence_low);
  state.visit("convergence_high", entry.convergence_high);
  visit_facts(state.group("facts"), entry.facts);
}

}  // namespace

void visit_snapshot(StateVisitor state, Snapshot& snapshot) {
  state.visit("epoch", snapshot.epoch);
  state.visit("step", snapshot.step);
  state.visit("variant", snapshot.variant);
  snapshot.frame.visit_state(state.group("frame"));
  visit_each(state.group("weights"), snapshot.weights, visit_parameter);
  visit_each(state.group("quantization"), snapshot.quantization, visit_entry);
  visit_each(state.group("activations"), snapshot.replaced_activations,
             [](StateVisitor of, ReplacedActivation& activation) {
               of.visit("node", activation.node);
               of.visit("kind", activation.kind);
             });
}

}  // namespace quantdyn
