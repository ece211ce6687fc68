#include "experiments/explain/facts.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// "float:batch_norm/gamma" -> {"batch_norm/gamma", is of the float snapshot}.
std::pair<std::string, bool> split(const std::string& quantity) {
  const bool is_float = quantity.starts_with("float:");
  return {is_float ? quantity.substr(6) : quantity, is_float};
}

const std::vector<std::string> layer_quantities = {"output/accumulated_qmse",
                                                   "output/accumulated_sqnr",
                                                   "output/propagated_qmse",
                                                   "output/propagated_sqnr",
                                                   "output/local_qmse",
                                                   "output/local_sqnr",
                                                   "output/added_qmse",
                                                   "output/quantizer_qmse",
                                                   "output/clipping_error",
                                                   "output/rounding_error",
                                                   "output/code_entropy",
                                                   "output/nan_count",
                                                   "output/infinity_count",
                                                   "output/min",
                                                   "output/max",
                                                   "float:output/nan_count",
                                                   "float:output/infinity_count",
                                                   "weight/quantizer_qmse",
                                                   "weight/clipping_error",
                                                   "weight/rounding_error",
                                                   "weight/code_entropy",
                                                   "folded_weight/count",
                                                   "folded_weight/min",
                                                   "folded_weight/max",
                                                   "float:output/zero_fraction",
                                                   "weight/sensitivity_only_logits_qmse",
                                                   "output/sensitivity_only_logits_qmse",
                                                   "weight/sensitivity_all_but_logits_qmse",
                                                   "output/sensitivity_all_but_logits_qmse"};
const std::vector<std::string> channel_quantities = {
    "output/local_qmse",           "output/quantizer_qmse",
    "output/local_mean_shift",     "output/accumulated_mean_shift",
    "output/accumulated_qmse",     "float:output/mean",
    "float:output/variance",       "weight/local_qmse",
    "folded_weight/min",           "folded_weight/max",
    "float:batch_norm/gamma",      "float:batch_norm/gamma_over_sigma",
    "float:batch_norm/running_std"};
const std::vector<std::string> histograms = {"output/histogram", "folded_weight/histogram"};

std::vector<int> places_of(const std::string& inputs, const std::map<std::string, int>& places) {
  std::vector<int> out;
  for (size_t at = 0; at < inputs.size();) {
    const size_t end = std::min(inputs.find(", ", at), inputs.size());
    const std::string name = inputs.substr(at, end - at);
    if (const auto found = places.find(name); found != places.end()) out.push_back(found->second);
    at = end + 2;
  }
  return out;
}

SchemeFacts scheme_of(const h5::File& file, const std::string& group) {
  SchemeFacts out;
  if (!file.is_group(group)) return out;
  const h5::Group entry = file.group(group);
  out.bit_width = static_cast<int>(entry.integer("bit_width"));
  out.scheme = entry.has_attribute("scheme") ? entry.text("scheme") : "";
  for (const char* array : {"scale", "levels"})
    if (out.entries == 0 && entry.has(array)) {
      const auto sizes = entry.dataset(array).sizes();
      out.entries = sizes.empty() ? 1 : sizes[0];
    }
  out.range = entry.has_attribute("range_low")
                  ? entry.number("range_high") - entry.number("range_low")
                  : std::nan("");
  return out;
}

void add_values(const ResultReader& result, NetFacts& net, const std::vector<NodeRow>& network) {
  const auto row_of = [&](const std::string& scope, const std::string& quantity) {
    const auto [name, is_float] = split(quantity);
    return result.row(scope + "/" + name, is_float ? net.of_float : net.of_variant);
  };
  for (const std::string& quantity : layer_quantities) {
    const auto row = row_of("layerwise", quantity);
    for (size_t i = 0; i < row.size() && i < net.layers.size(); ++i)
      net.layers[i].values[quantity] = row[i];
  }
  for (const std::string& quantity : channel_quantities) {
    const auto row = row_of("channelwise", quantity);
    if (row.empty()) continue;
    for (size_t i = 0; i < net.layers.size(); ++i)
      net.layers[i].channel_values[quantity].assign(
          row.begin() + network[i].channel_offset,
          row.begin() + network[i].channel_offset + network[i].channels);
  }
  for (const std::string& quantity : histograms) {
    const auto row = row_of("layerwise", quantity);
    const size_t bins = row.size() / net.layers.size();
    for (size_t i = 0; i < net.layers.size() && bins > 0; ++i)
      net.layers[i].counts[quantity].assign(row.begin() + static_cast<int64_t>(i * bins),
                                            row.begin() + static_cast<int64_t>((i + 1) * bins));
  }
}

void add_network(const ResultReader& result, NetFacts& net) {
  for (const char* name : {"accuracy", "nonfinite_images"})
    net.float_values[name] = network_value(result, net.of_float, name);
  for (const char* name : {"accuracy", "relative_accuracy_decrease", "agreement", "logits_sqnr",
                           "logits_qmse", "nonfinite_images", "sensitivity_all_logits_qmse"})
    net.values[name] = network_value(result, net.of_variant, name);
  const h5::Group provenance = result.file().group("provenance");
  if (provenance.has_attribute("experiment")) net.experiment = provenance.text("experiment");
  if (provenance.has_attribute("test_images")) net.test_images = provenance.integer("test_images");
  if (result.file().has("bin_lower") && result.file().has("bin_upper")) {
    net.bin_lower = result.file().dataset("bin_lower").read<double>();
    net.bin_upper = result.file().dataset("bin_upper").read<double>();
  }
}

double found(const std::map<std::string, double>& values, const std::string& name) {
  const auto place = values.find(name);
  return place == values.end() ? std::nan("") : place->second;
}

}  // namespace

double LayerFacts::value(const std::string& quantity) const { return found(values, quantity); }
double NetFacts::value(const std::string& name) const { return found(values, name); }
double NetFacts::float_value(const std::string& name) const { return found(float_values, name); }

const std::vector<double>& LayerFacts::channel(const std::string& quantity) const {
  static const std::vector<double> none;
  const auto place = channel_values.find(quantity);
  return place == channel_values.end() ? none : place->second;
}

bool LayerFacts::has(const std::string& quantity) const {
  return values.contains(quantity) || channel_values.contains(quantity) ||
         counts.contains(quantity);
}

const SnapshotLabel& explained_variant(const ResultReader& result,
                                       const std::optional<std::string>& name) {
  if (name && *name != float_variant) return chosen_snapshot(result, {{}, {}, name});
  const SnapshotLabel* worst = name ? nullptr : worst_variant(result);
  if (worst) return *worst;
  throw_error<ConfigError>(
      "{}: {}; expected a variant: add one to the experiment's `variants:`, as in "
      "`variants: [{{name: minmax, weights: {{}}, activations: {{}}}}]`, and run it again",
      result.file().path().string(),
      name ? "float32 is not quantized" : "no variant is in the file, so nothing is lost");
}

const SnapshotLabel& float_beside(const ResultReader& result, const SnapshotLabel& variant) {
  const SnapshotLabel* out = nullptr;
  for (const SnapshotLabel& s : result.snapshots())
    if (s.variant == float_variant && (s.step == variant.step || out == nullptr)) out = &s;
  return out ? *out : result.last();
}

NetFacts facts_of(const ResultReader& result, const SnapshotLabel& variant) {
  if (variant.variant == float_variant)
    throw_error<ConfigError>(
        "{}: float32 is not quantized, so it has no errors by layer; expected "
        "a variant",
        result.file().path().string());
  NetFacts net{.file = result.file().path().string(),
               .experiment = {},
               .of_float = float_beside(result, variant),
               .of_variant = variant,
               .layers = {},
               .float_values = {},
               .values = {},
               .bin_lower = {},
               .bin_upper = {}};
  const std::vector<NodeRow> network = result.network();
  if (network.empty()) throw_error<ConfigError>("{}: /network has no layers", net.file);
  std::map<std::string, int> places;
  for (const NodeRow& node : network) places.emplace(node.name, static_cast<int>(places.size()));
  if (places.size() != network.size())
    throw_error<ConfigError>("{}: /network: two layers have one name", net.file);
  for (const NodeRow& node : network) {
    LayerFacts layer;
    layer.name = node.name;
    layer.kind = node.kind;
    layer.inputs = places_of(node.inputs, places);
    layer.channels = node.channels;
    net.layers.push_back(std::move(layer));
  }
  const std::vector<std::string> shapes = result.output_shapes();
  const std::string group = "quantization/" + variant.variant;
  for (size_t i = 0; i < network.size(); ++i) {
    LayerFacts& layer = net.layers[i];
    layer.elements = 1;
    for (int64_t size : sizes_of(shapes[i])) layer.elements *= static_cast<double>(size);
    layer.weight = scheme_of(result.file(), group + "/" + layer.name + "/weight");
    layer.output = scheme_of(result.file(), group + "/" + layer.name + "/output");
  }
  add_values(result, net, network);
  add_network(result, net);
  if (net.layers.empty() || !net.layers.back().has("output/added_qmse"))
    throw_error<ConfigError>(
        "{}: variant '{}' has no errors by layer (layerwise/output/added_qmse); expected a result "
        "of `quantdyn run` with `track: {{probe_images: 64}}` or more",
        net.file, variant.variant);
  return net;
}

}  // namespace quantdyn
