#include "experiments/keras/model.h"

#include <algorithm>

#include "experiments/keras/json.h"
#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;

constexpr const char* shared_hint =
    "accepted: layers that are called once and give one result (no shared layers)";

/// The value of a required key of this kind.
const ConfigNode& member(const ConfigNode& node, const std::string& key, Kind kind) {
  const ConfigNode::Pointer found = node.find(key);
  const char* const expected = kind == Kind::map        ? "an object"
                               : kind == Kind::sequence ? "a list"
                                                        : "a text";
  if (!found) throw_error<ConfigError>("{}: has no '{}'; expected {}", node.where(), key, expected);
  if (found->kind != kind)
    throw_error<ConfigError>("{}: {}: expected {}, found {}", node.where(), key, expected,
                             describe(*found));
  return *found;
}

void set_source(ConfigNode& node, const std::string& source) {
  node.source = source;
  for (const auto& item : node.items) set_source(*item, source);
  for (const auto& [key, entry] : node.entries) set_source(*entry, source);
}

/// `["conv2d", 0, 0, ...]`: the layer's name, the number of its call and of that call's result.
bool is_reference(const ConfigNode& node) {
  return node.kind == Kind::sequence && node.items.size() >= 3 &&
         node.items[0]->kind == Kind::scalar && node.items[0]->quoted;
}

std::string name_in(const ConfigNode& reference) {
  for (const size_t i : {1, 2})
    if (reference.items[i]->scalar != "0")
      throw_error<ConfigError>("{}: refers to call {}, result {} of layer '{}'; {}",
                               reference.where(), reference.items[1]->scalar,
                               reference.items[2]->scalar, reference.items[0]->scalar, shared_hint);
  return reference.items[0]->scalar;
}

/// All layers that a call refers to: lists of references (Keras 2) or, anywhere in its arguments,
/// tensors with a `keras_history` (Keras 3).
void collect_references(const ConfigNode& node, std::vector<std::string>& into) {
  if (is_reference(node)) {
    into.push_back(name_in(node));
    return;
  }
  if (node.kind == Kind::map)
    if (const auto history = node.find("keras_history"); history && is_reference(*history)) {
      into.push_back(name_in(*history));
      return;
    }
  for (const auto& item : node.items) collect_references(*item, into);
  for (const auto& [key, entry] : node.entries) collect_references(*entry, into);
}

std::vector<std::string> inputs_of(const ConfigNode& layer) {
  const ConfigNode& calls = member(layer, "inbound_nodes", Kind::sequence);
  if (calls.items.size() > 1)
    throw_error<ConfigError>("{}: is called {} times; {}", layer.where(), calls.items.size(),
                             shared_hint);
  std::vector<std::string> out;
  collect_references(calls, out);
  return out;
}

/// The one layer that `input_layers` or `output_layers` names: a reference, or a list of one.
std::string only_end(const ConfigNode& config, const std::string& key) {
  std::vector<std::string> names;
  collect_references(member(config, key, Kind::sequence), names);
  if (names.size() != 1)
    throw_error<ConfigError>("{}: {}: found {}; accepted: models with one input and one output",
                             config.where(), key, names.size());
  return names[0];
}

bool has_input_shape(const ConfigNode& config) {
  return config.find("batch_input_shape") || config.find("batch_shape");
}

/// [null, H, W, C] of an input layer, or of a sequential model's first layer.
Shape input_shape_of(const ConfigNode& config) {
  const bool is_old = config.find("batch_input_shape") != nullptr;
  const std::string key = is_old ? "batch_input_shape" : "batch_shape";
  const ConfigNode& shape = member(config, key, Kind::sequence);
  const Accepted<int64_t> size = accept::between<int64_t>(1, 1 << 20);
  std::vector<int64_t> sizes;
  for (size_t i = 1; i < shape.items.size(); ++i)
    sizes.push_back(read_number(*shape.items[i], key, size));
  if (sizes.size() != 3)
    throw_error<ConfigError>("{}: {}: found {} sizes; accepted: [batch, height, width, channels]",
                             config.where(), key, shape.items.size());
  return Shape(std::span<const int64_t>(sizes));
}

/// Puts name and class into the place of all values below, so that every error names them.
KerasLayer read_layer(const ConfigNode::Pointer& entry, const std::string& file) {
  if (entry->kind != Kind::map)
    throw_error<ConfigError>("{}: a layer is {}; expected an object", entry->where(),
                             describe(*entry));
  const std::string class_name = member(*entry, "class_name", Kind::scalar).scalar;
  const ConfigNode::Pointer config = entry->find("config");
  member(*entry, "config", Kind::map);
  const ConfigNode::Pointer name = config->find("name");
  if (!name || name->kind != Kind::scalar || name->scalar.empty())
    throw_error<ConfigError>("{}: a layer of class {} has no name", entry->where(), class_name);
  set_source(*entry, fmt::format("{}: layer '{}' ({})", file, name->scalar, class_name));
  return {name->scalar, class_name, config, Options::from_tree(config), {}};
}

/// Every layer after its inputs, otherwise in the order of the file.
void sort_layers(KerasModel& model) {
  std::vector<KerasLayer> sorted;
  std::vector<std::string> known{model.input_layer};
  const auto is_known = [&](const std::string& name) {
    return std::ranges::find(known, name) != known.end();
  };
  while (!model.layers.empty()) {
    const auto next = std::ranges::find_if(model.layers, [&](const KerasLayer& layer) {
      return std::ranges::all_of(layer.inputs, is_known);
    });
    if (next == model.layers.end()) {
      const KerasLayer& first = model.layers.front();
      first.config.refuse(
          "", fmt::format("reads {}; one of them is not a layer of the model, or reads this layer",
                          fmt::join(first.inputs, ", ")));
    }
    known.push_back(next->name);
    sorted.push_back(std::move(*next));
    model.layers.erase(next);
  }
  model.layers = std::move(sorted);
}

void read_functional(const ConfigNode& config, const std::string& file, KerasModel& model) {
  model.input_layer = only_end(config, "input_layers");
  model.output_layer = only_end(config, "output_layers");
  bool has_input = false;
  for (const ConfigNode::Pointer& entry : member(config, "layers", Kind::sequence).items) {
    KerasLayer layer = read_layer(entry, file);
    if (layer.class_name == "InputLayer") {
      if (layer.name != model.input_layer)
        layer.config.refuse("", "a second input; accepted: models with one input");
      model.input = input_shape_of(*layer.tree);
      has_input = true;
      continue;
    }
    layer.inputs = inputs_of(*entry);
    if (layer.inputs.empty()) layer.config.refuse("", "reads no layer");
    model.layers.push_back(std::move(layer));
  }
  if (!has_input)
    throw_error<ConfigError>("{}: has no InputLayer called '{}', which input_layers names",
                             config.where(), model.input_layer);
}

/// A chain; its input is an InputLayer, or a shape in the first layer.
void read_sequential(const ConfigNode& config, const std::string& file, KerasModel& model) {
  const auto& entries = member(config, "layers", Kind::sequence).items;
  model.input_layer = "input of the model";
  std::string last = model.input_layer;
  for (size_t i = 0; i < entries.size(); ++i) {
    KerasLayer layer = read_layer(entries[i], file);
    if (i == 0 && !has_input_shape(*layer.tree))
      layer.config.refuse("",
                          "the model's first layer has no input shape; accepted: a model that "
                          "was built on inputs of one shape");
    if (i == 0) model.input = input_shape_of(*layer.tree);
    if (layer.class_name == "InputLayer") continue;
    layer.inputs = {last};
    last = layer.name;
    model.layers.push_back(std::move(layer));
  }
  model.output_layer = last;
}

void check_names(const KerasModel& model, const std::string& source) {
  std::vector<std::string> names{model.input_layer};
  for (const KerasLayer& layer : model.layers) {
    if (std::ranges::find(names, layer.name) != names.end())
      layer.config.refuse("", "two layers have this name");
    names.push_back(layer.name);
  }
  if (std::ranges::find(names, model.output_layer) == names.end() || names.size() == 1)
    throw_error<ConfigError>("{}: the model's output '{}' is not one of its layers", source,
                             model.output_layer);
}

}  // namespace

bool KerasLayer::flag(const std::string& key, bool fallback) const {
  const ConfigNode::Pointer node = tree->find(key);
  const bool is_bit = node && node->kind == Kind::scalar && !node->quoted &&
                      (node->scalar == "0" || node->scalar == "1");
  if (is_bit)
    return config.integer(key, Options::required, accept::between<int64_t>(0, 1), "") == 1;
  return config.flag(key, fallback, "");
}

KerasModel parse_keras_model(const std::string& model_config, const std::string& file) {
  const std::string source = file + ": model_config";
  const ConfigNode::Pointer root = parse_json(model_config, source);
  if (root->kind != Kind::map)
    throw_error<ConfigError>("{}: expected an object, found {}", source, describe(*root));
  const std::string& class_name = member(*root, "class_name", Kind::scalar).scalar;
  const ConfigNode& config = member(*root, "config", Kind::map);
  KerasModel out;
  out.name = config.find("name") ? member(config, "name", Kind::scalar).scalar : "model";
  if (class_name == "Sequential")
    read_sequential(config, file, out);
  else if (class_name == "Functional" || class_name == "Model")
    read_functional(config, file, out);
  else
    throw_error<ConfigError>("{}: a model of class {}; accepted: Functional, Sequential", source,
                             class_name);
  check_names(out, source);
  sort_layers(out);
  return out;
}

}  // namespace quantdyn
