#include "experiments/run/network_file.h"

#include <algorithm>
#include <cmath>

#include "experiments/keras/import.h"
#include "experiments/onnx/import.h"
#include "framework/base/hash.h"
#include "framework/base/printable.h"
#include "framework/base/text_file.h"
#include "framework/config/config_node.h"
#include "framework/config/plugin_library.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigNode::Kind;

ConfigNode::Pointer make_node(Kind kind) {
  auto out = std::make_shared<ConfigNode>();
  out->kind = kind;
  return out;
}

ConfigNode::Pointer scalar(const std::string& text) {
  ConfigNode::Pointer out = make_node(Kind::scalar);
  out->scalar = text;
  return out;
}

/// One entry of `nodes:`, its kind with the node's name, inputs and options.
ConfigNode::Pointer entry_of(const NodeSpec& spec) {
  ConfigNode::Pointer options = make_node(Kind::map), inputs = make_node(Kind::sequence);
  for (const std::string& input : spec.inputs) inputs->items.push_back(scalar(input));
  options->entries = {{"name", scalar(spec.name)}, {"inputs", inputs}};
  const ConfigNode::Pointer given = parse_yaml(spec.options.resolved_yaml(), spec.name);
  for (const auto& [key, value] : given->entries)
    if (!options->find(key)) options->entries.emplace_back(key, value);
  ConfigNode::Pointer out = make_node(Kind::map);
  out->entries = {{spec.kind, options}};
  return out;
}

/// A network file's document of primitives, for a net whose nodes were added with their units'
/// names.
std::string yaml_of(const Network& network, const std::string& name) {
  ConfigNode::Pointer root = make_node(Kind::map), input = make_node(Kind::sequence),
                      nodes = make_node(Kind::sequence);
  for (const int64_t size : network.input_shape().sizes())
    input->items.push_back(scalar(std::to_string(size)));
  for (int i = 1; i < static_cast<int>(network.nodes().size()); ++i)
    nodes->items.push_back(entry_of(network.spec(i)));
  root->entries = {{"name", scalar(name)}, {"input", input}, {"nodes", nodes}};
  return emit_yaml(*root);
}

/// Errors start with the place in the experiment, if there is one.
template <typename Import>
auto import_for(const Options& section, const Import& import) try {
  return import();
} catch (const ConfigError& e) {
  if (section.has("file")) section.refuse("file", e.what());
  throw;
}

/// Refuses parameters that a foreign model does not have.
void check_keys(const Options& section, const fs::path& file, const std::string& format,
                const std::vector<std::string>& accepted) {
  for (const std::string& key : section.keys())
    if (std::ranges::find(accepted, key) == accepted.end())
      section.refuse(
          key, fmt::format("{} is {} model, which has no {}; accepted: {}", file.string(), format,
                           accepted.size() == 1 ? "parameters" : "such parameter",
                           fmt::join(accepted, ", ")));
}

NetworkFromFile imported(Network network, const fs::path& file, const std::string& format) {
  std::string yaml = yaml_of(network, file.stem().string());
  return {std::move(network), std::move(yaml), format, sha256_of_file(file)};
}

NetworkFromFile read_keras(const fs::path& file, const Options& section) {
  check_keys(section, file, "a Keras", {"file"});
  return imported(import_for(section, [&] { return import_keras(file); }), file, "keras");
}

NetworkFromFile read_onnx(const fs::path& file, const Options& section) {
  check_keys(section, file, "an ONNX", {"file", "input"});
  std::optional<std::vector<int64_t>> input;
  if (section.has("input")) {
    input = section.integers("input", Options::required, accept::at_least<int64_t>(1),
                             "shape of one image: height, width, channels");
    if (input->size() != 3) section.refuse("input", "expected [height, width, channels]");
  }
  OnnxImport found = import_for(section, [&] { return import_onnx(file, input); });
  return imported(std::move(found.network), file, "onnx");
}

}  // namespace

fs::path find_network(const fs::path& given) {
  std::error_code ignored;
  if (fs::exists(given, ignored)) return given;
  // Those that are installed, and those of the source tree with this build folder.
  for (const char* folder : {QUANTDYN_DATA "/networks", "../experiments/networks"}) {
    const fs::path shipped = library_file().parent_path() / folder / given.filename();
    if (fs::exists(shipped, ignored)) return shipped;
  }
  return given;
}

NetworkFromFile read_network_file(const fs::path& file, const Options& section,
                                  const std::optional<NetworkDefaults>& defaults) {
  const fs::path found = find_network(file);
  if (!is_file(found))
    section.refuse("file", fmt::format("{}: {}; accepted: a network file, a Keras or an ONNX model",
                                       quotable(found.string()), why_no_file(found)));
  if (is_keras_file(found)) return read_keras(found, section);
  if (is_onnx_file(found)) return read_onnx(found, section);
  const Options document = read_network(found, section, defaults);
  Network network = Network::from_options(document);
  document.finish();
  return {std::move(network), document.resolved_yaml()};
}

Network network_from_yaml(const std::string& yaml, const std::string& name) {
  return Network::from_options(Options::from_text(yaml, name));
}

Network network_of(const ResultReader& result, const SnapshotLabel& snapshot) {
  const std::string yaml = result.file().dataset("config/network").read_texts().at(0);
  Network out = network_from_yaml(yaml, result.file().path().string() + ": /config/network");
  read_parameters(result, snapshot, out);
  return out;
}

void read_parameters(const ResultReader& result, const SnapshotLabel& snapshot, Network& network) {
  for (const Network::Named& named : network.parameters()) {
    Tensor<float>& master = named.parameter->master;
    if (master.empty()) continue;
    const std::vector<float> values = result.parameter(snapshot, network.nodes()[named.node].name,
                                                       named.parameter->name, master.shape());
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
      throw_error<Error>("{} of '{}' holds a NaN or an infinity", named.parameter->name,
                         network.nodes()[named.node].name);
    std::ranges::copy(values, master.data());
  }
}

}  // namespace quantdyn
