#include "experiments/formats/network_builder.h"

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// "[0, 2, 1]" of the i-th value.
std::string place_of(int64_t i, std::span<const int64_t> sizes) {
  std::vector<int64_t> place(sizes.size());
  for (size_t axis = sizes.size(); axis-- > 0; i /= sizes[axis]) place[axis] = i % sizes[axis];
  return yaml_list(place);
}

}  // namespace

NetworkBuilder::NetworkBuilder(const Shape& input) : network_(input) {
  names_.make(input_node());  // taken
}

const Layer<float>* NetworkBuilder::layer_of(const std::string& node) const {
  return network_.layer(network_.index_of(node));
}

bool NetworkBuilder::is_never_negative(const std::string& node) const {
  const Layer<float>* const layer = layer_of(node);
  const std::optional<Activation> activation = layer ? layer->activation() : std::nullopt;
  return activation && activation->values.low >= 0;
}

std::string NetworkBuilder::add_node(const Options& at, const std::string& name,
                                     const std::string& kind, std::vector<std::string> inputs,
                                     const Entries& entries) {
  const std::string node = names_.make(name);
  network_.add({.name = node,
                .kind = kind,
                .inputs = std::move(inputs),
                .options = at.derive(entries),
                .unit = node});
  return node;
}

Parameter<float>* NetworkBuilder::find(const std::string& node,
                                       const std::string& parameter) const {
  auto* const layer = const_cast<Layer<float>*>(layer_of(node));
  if (layer == nullptr) return nullptr;
  for (Parameter<float>* candidate : layer->parameters())
    if (candidate->name == parameter) return candidate;
  return nullptr;
}

Shape NetworkBuilder::shape_of_parameter(const std::string& node,
                                         const std::string& parameter) const {
  const Parameter<float>* const found = find(node, parameter);
  return found ? found->master.shape() : Shape{};
}

void NetworkBuilder::load(const std::string& node, const std::string& parameter,
                          std::span<const float> values) {
  std::ranges::copy(values, find(node, parameter)->master.data());
}

Network NetworkBuilder::finish(const std::string& layer, const ImportedValue& output) {
  if (!output.padded_by.empty())
    throw_error<ConfigError>(
        "the model ends with the {}; accepted: before a convolution or a pooling",
        output.padded_by);
  if (network_.nodes().size() < 2 || output.node != network_.last_name())
    throw_error<ConfigError>("the model's output '{}' does not depend on its layer '{}'", layer,
                             network_.last_name());
  network_.finish();
  return std::move(network_);
}

void check_array(const Options& at, const std::string& name, std::span<const int64_t> sizes,
                 std::span<const int64_t> needed) {
  if (!std::ranges::equal(sizes, needed))
    at.refuse("", fmt::format("{} has the shape {}, the layer needs {}", name, yaml_list(sizes),
                              yaml_list(needed)));
}

void check_finite(const Options& at, const std::string& name, std::span<const int64_t> sizes,
                  std::span<const float> values) {
  const auto bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
  if (bad != values.end())
    at.refuse("", fmt::format("{} is {} at {}; accepted: finite values (in float32)", name, *bad,
                              place_of(bad - values.begin(), sizes)));
}

std::string yaml_flag(bool value) { return value ? "true" : "false"; }
std::string yaml_list(std::span<const int64_t> values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace quantdyn
