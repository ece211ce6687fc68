#include "experiments/reference/reference.h"

#include <algorithm>
#include <array>
#include <utility>

#include "data/dataset.h"
#include "experiments/run/experiment.h"
#include "experiments/sweep/members.h"
#include "framework/config/asked_keys.h"
#include "framework/config/config_set.h"
#include "framework/learning/optimizer.h"
#include "framework/learning/schedule.h"
#include "quant/quantizers/quantizer.h"
#include "quant/ranges/range_estimator.h"
#include "reference_texts.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

constexpr const char* parameters_help = "what an experiment may set: names and defaults";

/// Builds the net of network.yaml, whose tree is kept.
Network read_network_tree(const ConfigNode::Pointer& root) {
  const Options document = Options::from_tree(root);
  const Options parameters = document.section("parameters", parameters_help);
  parameters.keys();
  document.substitute(parameters);
  return Network::from_options(document);
}

AskedKey keys_of_network() {
  const ConfigNode::Pointer root = parse_yaml(texts::network, "network.yaml");
  read_network_tree(root);
  return asked_keys(*root);
}

/// What experiment.yaml is asked for with keys set. One that is refused was asked before.
AskedKey keys_of_experiment(const std::vector<std::string>& sets) {
  const ConfigNode::Pointer root = parse_yaml(texts::experiment, "experiment.yaml");
  for (const std::string& set : sets) apply_set(root, set);
  const auto read_network = [](const std::filesystem::path&, const Options& section,
                               const NetworkDefaults&) {
    section.keys();  // the parameters of a file
    return NetworkFromFile{read_network_tree(parse_yaml(texts::network, "network.yaml")), ""};
  };
  try {
    Experiment::read(Options::from_tree(root), "NAME", read_network);
  } catch (const ConfigError&) {
    if (sets.empty()) throw;
  }
  return asked_keys(*root);
}

/// The key `sweep`, as a mapping.
AskedKey key_of_sweep() {
  const ConfigNode::Pointer root = parse_yaml(
      "sweep: {grid: {seed: [0, 1]}, exclude: [{seed: 1}], include: [{name: a, seed: 2}]}",
      "sweep");
  sweep_members(Options::from_tree(root));
  return {.about = {}, .keys = asked_keys(*root).keys};
}

AskedKey experiment_keys() {
  AskedKey out = keys_of_experiment({});
  for (const char* set :
       {"data.standardize={mode: scale}", "data.standardize={mode: given, mean: 0, deviation: 1}",
        "variants=[{name: given, from: model.onnx}]"})
    merge_keys(out, keys_of_experiment({set}));
  merge_keys(out, key_of_sweep());
  return out;
}

/// Defaults that follow something else; the files here would show what they happen to be there.
std::string shown_default(const std::string& place, const OptionDescription& option) {
  const std::string& key = option.key;
  if (key == "inputs") return "the node before";
  if (key == "padding" && option.type == "text") return "half the kernel";
  if (place == "train.quantization" && key == "freeze_epoch") return "train.epochs";
  return option.default_value;
}

OptionDescription shown(const std::string& place, OptionDescription option) {
  if (option.is_plugin()) option.accepted = "any " + plugin_kind(option);
  option.default_value = shown_default(place, option);
  return option;
}

/// Adds a mapping and those below it.
void add_sections(const std::string& kind, const std::string& place, const AskedKey& mapping,
                  std::vector<Described>& out) {
  Described own{kind, place, mapping.about.help, {}, mapping.takes_any};
  for (const AskedKey& key : mapping.keys) own.options.push_back(shown(place, key.about));
  out.push_back(std::move(own));
  for (const AskedKey& key : mapping.keys)
    if (!key.keys.empty() || key.takes_any)
      add_sections(kind, place_below(place, key.about.key), key, out);
}

/// An override's scheme is read where it is laid over the variant's own, whose keys it has.
void add_override_keys(std::vector<Described>& sections) {
  for (const char* tensor : {"weights", "activations"}) {
    Described out{"experiment",
                  fmt::format("variants.overrides.{}", tensor),
                  fmt::format("what differs for these nodes' {}", tensor),
                  {}};
    const Described& own =
        *find_described(sections, "experiment", fmt::format("variants.{}", tensor));
    for (const OptionDescription& option : own.options)
      if (option.is_plugin()) out.options.push_back(option);
    for (OptionDescription& option : out.options) option.default_value = "the variant's";
    sections.push_back(std::move(out));
  }
}

/// Of the keys under `nodes`, the macros are kept: primitives are plugins.
void add_network(std::vector<Described>& out) {
  AskedKey all = keys_of_network();
  const auto nodes =
      std::ranges::find(all.keys, "nodes", [](const AskedKey& k) { return k.about.key; });
  std::vector<AskedKey> macros = std::exchange(nodes->keys, {});
  nodes->takes_any = false;
  all.about.help = "a network file";
  add_sections("network", "", all, out);
  for (AskedKey& macro : macros) {
    if (!find_macro<float>(macro.about.key)) continue;
    macro.about.help = "several primitives in one node";
    add_sections("macro", macro.about.key, macro, out);
  }
}

template <typename Product, typename... Args>
void add_plugins(const std::string& kind, std::vector<Described>& out, const Args&... args) {
  for (const auto& [name, entry] : Registry<Product, Args...>::instance().entries()) {
    std::vector<OptionDescription> options;
    try {
      entry.make(Options::describing(options), args...);
    } catch (const Options::DescriptionDone&) {
    }
    for (OptionDescription& option : options) option = shown("", option);
    out.push_back({kind, name, entry.summary, std::move(options)});
  }
}

}  // namespace

std::string plugin_kind(const OptionDescription& option) {
  // The option's name says what it chooses; where it does not, here is what.
  static constexpr std::array<std::pair<const char*, const char*>, 4> kinds{
      {{"source", "dataset"},
       {"of", "dataset"},
       {"statistics", "statistic"},
       {"estimator", "range_estimator"}}};
  for (const auto& [key, kind] : kinds)
    if (option.key == key) return kind;
  return option.key;
}

std::string place_below(const std::string& place, const std::string& key) {
  return place.empty() ? key : place + "." + key;
}

const Described* find_described(const std::vector<Described>& all, std::string_view kind,
                                std::string_view name) {
  for (const Described& one : all)
    if (one.kind == kind && one.name == name) return &one;
  return nullptr;
}

std::vector<Described> reference() {
  std::vector<Described> out;
  AskedKey experiment = experiment_keys();
  experiment.about.help = "an experiment file";
  add_sections("experiment", "", experiment, out);
  add_override_keys(out);
  add_network(out);
  add_plugins<Layer<float>>("layer", out);
  add_plugins<Initializer>("initializer", out);
  add_plugins<Optimizer>("optimizer", out);
  add_plugins<Schedule>("schedule", out, TrainingLength{1, 1});
  add_plugins<DatasetPair>("dataset", out);
  add_plugins<Quantizer>("quantizer", out);
  add_plugins<RangeEstimator>("range_estimator", out);
  add_plugins<StatisticKind>("statistic", out);
  return out;
}

}  // namespace quantdyn
