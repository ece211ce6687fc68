#include "framework/graph/network.h"

#include <algorithm>
#include <exception>
#include <new>
#include <set>

#include "framework/base/printable.h"
#include "framework/graph/convolution_kinds.h"

namespace quantdyn {
namespace {

/// What tables call a convolution: special cases have their own names.
template <typename T>
std::string unit_kind(const Node<T>& node) {
  const Linear<T>* linear = node.layer ? node.layer->linear() : nullptr;
  if (linear == nullptr || node.layer->convolution() == nullptr) return node.kind;
  using Kinds = ConvolutionKinds;
  if (linear->groups == linear->in_channels && linear->groups > 1) return Kinds::depthwise;
  if (linear->groups > 1) return Kinds::grouped;
  return linear->fan_in == linear->in_channels ? Kinds::pointwise : node.kind;
}

std::string join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

template <typename T>
bool is_kind(const std::string& name) {
  return find_macro<T>(name) || LayerRegistry<T>::instance().entries().contains(name);
}

/// Throws ConfigError for an entry whose kind does not exist.
template <typename T>
[[noreturn]] void refuse_kind(const Options& at, const std::string& kind) {
  at.refuse(kind, fmt::format("unknown kind of node; accepted: {}, {}", macro_names(),
                              LayerRegistry<T>::instance().names()));
}

/// Refuses defaults for an unknown kind or for a kind without nodes: both would be ignored.
template <typename T>
void check_defaults(const Options& defaults, const std::vector<std::string>& used) {
  for (const std::string& kind : defaults.keys()) {
    if (!is_kind<T>(kind)) refuse_kind<T>(defaults, kind);
    if (std::ranges::find(used, kind) == used.end())
      defaults.refuse(kind, fmt::format("no node of this net is of this kind; accepted: {}",
                                        used.empty() ? "none, there are no nodes" : join(used)));
  }
}

}  // namespace

template <typename T>
BasicNetwork<T>::BasicNetwork(Shape input) {
  nodes_.push_back({});
  nodes_[0].name = nodes_[0].kind = "input";
  nodes_[0].shape = input;
  indices_.emplace(nodes_[0].name, 0);
}

template <typename T>
BasicNetwork<T> BasicNetwork<T>::from_options(const Options& network) {
  const std::vector<int64_t> sizes =
      network.integers("input", Options::required, accept::at_least<int64_t>(1),
                       "shape of one image: height, width, channels");
  if (sizes.size() != 3) network.refuse("input", "expected [height, width, channels]");
  BasicNetwork out{Shape(std::span<const int64_t>(sizes))};
  network.text("name", "net", "the net's name");
  const Options defaults =
      network.section("defaults", "options for all nodes of a kind; a node's own take precedence");
  std::vector<std::string> used;
  for (const Options& entry :
       network.list("nodes", "primitives and macros; each entry has one key, its kind")) {
    const std::vector<std::string> kinds = entry.keys();
    if (kinds.size() != 1)
      entry.refuse("", "expected one key, the kind of node, as in `- conv2d: {name: c1, ...}`");
    if (!is_kind<T>(kinds[0])) refuse_kind<T>(entry, kinds[0]);
    if (std::ranges::find(used, kinds[0]) == used.end()) used.push_back(kinds[0]);
    const Options options = entry.section(kinds[0], "options of the node");
    if (defaults.has(kinds[0])) options.inherit(defaults.section(kinds[0], "defaults of the kind"));
    const std::string name =
        options.text("name", Options::required, "name of the node; other nodes refer to it");
    const std::vector<std::string> inputs =
        options.texts("inputs", std::vector<std::string>{out.last_name()},
                      "nodes that it reads; default: the one before");
    if (name.empty() || name.find_first_of("/. ") != std::string::npos)
      options.refuse("name", "a node's name must not be empty or contain '/', '.' or a space");
    if (const NetworkMacro<T> macro = find_macro<T>(kinds[0])) {
      for (const std::string& input : inputs)
        if (out.index_of(input) < 0)
          options.refuse("inputs", fmt::format("no node '{}' before this one", input));
      macro(out, options, name, inputs);
      options.finish();
    } else {
      out.add({.name = name, .kind = kinds[0], .inputs = inputs, .options = options, .unit = name});
    }
  }
  check_defaults<T>(defaults, used);
  if (out.nodes_.size() < 2) network.refuse("nodes", "a net needs at least one node");
  out.finish();
  return out;
}

template <typename T>
void BasicNetwork<T>::add(const NodeSpec& spec) {
  Node<T> node;
  node.name = spec.name;
  node.kind = spec.kind;
  if (spec.name.empty() || first_unprintable(spec.name) ||
      spec.name.find_first_of("\n\t\r") != std::string::npos)
    spec.options.refuse("name",
                        fmt::format("'{}' cannot name a node; accepted: UTF-8 without control "
                                    "characters, and at least one character",
                                    quotable(spec.name)));
  if (index_of(spec.name) >= 0)
    spec.options.refuse("name", fmt::format("two nodes are called '{}'", spec.name));
  std::vector<Shape> shapes;
  std::string found;
  for (const std::string& input : spec.inputs) {
    const int i = index_of(input);
    if (i < 0)
      spec.options.refuse(
          "inputs",
          fmt::format("node '{}' reads '{}', which is not a node before it", spec.name, input));
    node.inputs.push_back(i);
    shapes.push_back(nodes_[i].shape);
    found += fmt::format("{}'{}' gives {}", found.empty() ? "" : ", ", nodes_[i].name,
                         nodes_[i].shape.text());
  }
  const auto entry = LayerRegistry<T>::instance().entries().find(spec.kind);
  if (entry == LayerRegistry<T>::instance().entries().end())
    spec.options.refuse("", fmt::format("unknown kind of node '{}'; accepted: {}", spec.kind,
                                        LayerRegistry<T>::instance().names()));
  try {
    node.layer = entry->second.make(spec.options);
    node.shape = node.layer->setup(shapes);
  } catch (const ConfigError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {  // a plugin throws what it likes
    spec.options.refuse(
        "", fmt::format("node '{}' ({}): {} ({})", spec.name, spec.kind, e.what(), found));
  }
  indices_.emplace(spec.name, static_cast<int>(nodes_.size()));
  nodes_.push_back(std::move(node));
  specs_.push_back(spec);
}

template <typename T>
void BasicNetwork<T>::add_alias(const std::string& name, const std::string& node) {
  aliases_.emplace(name, node);
}

template <typename T>
int BasicNetwork<T>::index_of(const std::string& name) const {
  if (const auto alias = aliases_.find(name); alias != aliases_.end())
    return index_of(alias->second);
  const auto found = indices_.find(name);
  return found == indices_.end() ? -1 : found->second;
}

template <typename T>
int BasicNetwork<T>::last() const {
  int out = static_cast<int>(nodes_.size()) - 1;
  while (out > 0 && !nodes_[out].layer) --out;
  return out;
}

template <typename T>
std::vector<int> BasicNetwork<T>::readers(int i) const {
  std::vector<int> out;
  for (size_t j = 0; j < nodes_.size(); ++j)
    if (std::ranges::count(nodes_[j].inputs, i) > 0) out.push_back(static_cast<int>(j));
  return out;
}

template <typename T>
void BasicNetwork<T>::finish() {
  units_.clear();
  const int end = last();
  std::vector<int> read(nodes_.size(), 0);  // by how many nodes
  for (const Node<T>& node : nodes_)
    for (const int input : std::set<int>(node.inputs.begin(), node.inputs.end())) ++read[input];
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    Node<T>& node = nodes_[i];
    node.taps.clear();
    if (i > 0 && !node.layer) continue;  // bypassed
    if (i < end && read[i] == 0) {
      const std::string message = fmt::format("node '{}' is read by no other node", node.name);
      if (i == 0) throw ConfigError(message);
      specs_[i - 1].options.refuse("", message);
    }
    const bool follows =
        i > 0 && node.inputs.size() == 1 && read[node.inputs[0]] == 1 && node.inputs[0] > 0;
    Unit* before = follows ? &units_[nodes_[node.inputs[0]].unit] : nullptr;
    if (before && node.layer->channel_affine() && before->norm < 0 && before->activation < 0 &&
        nodes_[before->leader].layer->linear()) {
      before->norm = before->last = i;
    } else if (before && node.layer->activation() && before->activation < 0 &&
               !nodes_[before->leader].layer->activation()) {
      before->activation = before->last = i;
    } else {
      const std::string& label = i == 0 ? node.name : specs_[i - 1].unit;
      units_.push_back({.name = label.empty() ? node.name : label,
                        .kind = unit_kind(node),
                        .leader = i,
                        .last = i});
      before = nullptr;
    }
    node.unit = before ? nodes_[node.inputs[0]].unit : static_cast<int>(units_.size()) - 1;
  }
  for (const Unit& unit : units_) {
    const bool is_linear = unit.leader > 0 && nodes_[unit.leader].layer->linear();
    if (unit.norm >= 0) nodes_[unit.leader].taps.push_back(TapKind::conv);
    if (unit.norm >= 0)
      nodes_[unit.norm].taps.push_back(TapKind::norm);
    else if (is_linear)
      nodes_[unit.leader].taps.push_back(TapKind::norm);
    nodes_[unit.last].taps.push_back(TapKind::output);
  }
}

namespace {

template <typename T>
void copy_parameters(const Layer<T>& from_layer, Layer<T>& to_layer) {
  if (const Linear<T>* linear = from_layer.linear())  // folding adds a bias if there was none
    to_layer.linear()->bias->master = linear->bias->master;
  const auto from = from_layer.parameters();
  const auto to = to_layer.parameters();
  for (size_t p = 0; p < from.size(); ++p) to[p]->master = from[p]->master;
}

}  // namespace

template <typename T>
BasicNetwork<T> BasicNetwork<T>::clone() const {
  BasicNetwork out(input_shape());
  out.aliases_ = aliases_;
  for (const NodeSpec& spec : specs_) out.add(spec);
  for (size_t i = 1; i < nodes_.size(); ++i) {
    if (!nodes_[i].layer) {
      out.bypass(static_cast<int>(i));
      continue;
    }
    copy_parameters(*nodes_[i].layer, *out.nodes_[i].layer);
  }
  out.finish();
  return out;
}

template <typename T>
void BasicNetwork<T>::bypass(int i) {
  const int source = nodes_[i].inputs[0];
  for (Node<T>& node : nodes_) std::ranges::replace(node.inputs, i, source);
  nodes_[i].layer = {};
  nodes_[i].inputs.clear();
}

template <typename T>
void BasicNetwork<T>::replace_activation(int i, const std::string& kind) {
  NodeSpec& spec = specs_[i - 1];
  spec.kind = nodes_[i].kind = kind;
  spec.options = spec.options.derive({});
  nodes_[i].layer = LayerRegistry<T>::instance().entries().at(kind).make(spec.options);
  nodes_[i].layer->setup(std::span(&nodes_[nodes_[i].inputs[0]].shape, 1));
}

template <typename T>
BasicNetwork<T> BasicNetwork<T>::alone(int unit) const {
  BasicNetwork out(nodes_[nodes_[units_[unit].leader].inputs[0]].shape);
  for (size_t i = 1; i < nodes_.size(); ++i) {
    if (nodes_[i].unit != unit || !nodes_[i].layer) continue;
    NodeSpec spec = specs_[i - 1];
    spec.inputs = {out.last_name()};
    out.add(spec);
    copy_parameters(*nodes_[i].layer, *out.nodes_.back().layer);
  }
  out.finish();
  return out;
}

namespace {

/// For nodes and for const nodes.
template <typename Named, typename Nodes>
std::vector<Named> parameters_of(Nodes& nodes) {
  std::vector<Named> out;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].layer)
      for (auto* parameter : nodes[i].layer->parameters())
        out.push_back({static_cast<int>(i), parameter});
  return out;
}

}  // namespace

template <typename T>
std::vector<typename BasicNetwork<T>::Named> BasicNetwork<T>::parameters() {
  return parameters_of<Named>(nodes_);
}

template <typename T>
std::vector<typename BasicNetwork<T>::ConstNamed> BasicNetwork<T>::parameters() const {
  return parameters_of<ConstNamed>(nodes_);
}

template <typename T>
int64_t BasicNetwork<T>::trained_count() const {
  int64_t total = 0;
  for (const ConstNamed& named : parameters())
    if (named.parameter->trained) total += named.parameter->master.elements();
  return total;
}

template <typename T>
int64_t BasicNetwork<T>::multiply_accumulates() const {
  int64_t total = 0;
  for (const Node<T>& node : nodes_)
    if (node.layer) total += node.layer->multiply_accumulates();
  return total;
}

template <typename T>
void BasicNetwork<T>::initialize(const Initializer& weights, const Rng& rng) {
  for (Node<T>& node : nodes_)
    if (node.layer) node.layer->initialize(weights, rng.fork(node.name));
}

template class BasicNetwork<float>;
template class BasicNetwork<double>;

Options read_network(const std::filesystem::path& file, const Options& parameters,
                     const std::optional<NetworkDefaults>& defaults) {
  const Options network = Options::from_file(file);
  const Options declared =
      network.section("parameters", "what an experiment may set: names and defaults");
  const std::vector<std::string> known = declared.keys();
  for (const std::string& key : parameters.keys())
    if (key != "file" && std::ranges::find(known, key) == known.end())
      parameters.refuse(key, fmt::format("{} has no such parameter; accepted: {}", file.string(),
                                         known.empty() ? "none" : join(known)));
  if (defaults && declared.has("input")) {
    const auto sizes = defaults->input.sizes();
    parameters.integers("input", std::vector<int64_t>(sizes.begin(), sizes.end()),
                        accept::at_least<int64_t>(1), "shape of one image");
  }
  if (defaults && defaults->classes > 0 && declared.has("classes"))
    parameters.integer("classes", defaults->classes, accept::at_least<int64_t>(1), "classes");
  parameters.inherit(declared);
  network.substitute(parameters);
  return network;
}

}  // namespace quantdyn
