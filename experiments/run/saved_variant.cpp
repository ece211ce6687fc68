#include "experiments/run/saved_variant.h"

#include <algorithm>
#include <cmath>

#include "experiments/run/network_file.h"
#include "quant/folding/folding.h"
#include "quant/folding/linear_pairs.h"
#include "quant/quantizers/range.h"
#include "quant/schemes/selection.h"

namespace quantdyn {
namespace {

const SnapshotLabel& label_of(const ResultReader& result, const std::string& name,
                              std::optional<int64_t> epoch) {
  const SnapshotLabel& out = epoch ? result.at_epoch(*epoch, name) : result.last(name);
  const std::string group = "quantization/" + name;
  if (!result.file().has(group))
    throw_error<ConfigError>("{}: no codes of a variant '{}'; accepted: a quantized variant",
                             result.file().path().string(), name);
  const h5::Group codes = result.file().group(group);
  if (codes.integer("snapshot") != out.index)
    throw_error<ConfigError>(
        "{}: the codes of '{}' are those of epoch {}, found epoch {}; accepted: its last snapshot",
        result.file().path().string(), name, codes.integer("epoch"), out.epoch);
  return out;
}

bool keeps(const ResultReader& result, const SnapshotLabel& label, const std::string& path) {
  return result.file().has(fmt::format("weights/{}/{}", label.index, path));
}

/// Whether the variant has its norms in its weights.
bool is_folded(const ResultReader& result, const SnapshotLabel& label, const Network& network) {
  for (int i = 1; i < static_cast<int>(network.nodes().size()); ++i)
    if (network.layer(i)->channel_affine()) return !keeps(result, label, network.nodes()[i].name);
  return false;
}

/// Puts in the activations that repairs put in.
void replace_activations(const ResultReader& result, const SnapshotLabel& label, Network& network) {
  const h5::Group group = result.file().group("quantization/" + label.variant);
  if (!group.has_attribute("replaced_activations"))
    throw_error<Error>(
        "{}: does not say which activations its repairs replaced, as results of this version do; "
        "run the experiment again",
        group.where());
  for (const std::string& text : group.texts("replaced_activations")) {
    const size_t colon = text.rfind(": ");
    const int node = colon == std::string::npos ? -1 : network.index_of(text.substr(0, colon));
    if (node < 1 || !network.layer(node)->activation())
      throw_error<Error>("{}: replaced_activations: '{}' is no activation of the net",
                         group.where(), text);
    network.replace_activation(node, text.substr(colon + 2));
  }
}

/// Repairs add biases to layers that had none.
void add_saved_biases(const ResultReader& result, const SnapshotLabel& label, Network& network) {
  for (const int unit : units_with_weight(network)) {
    Linear<float>& linear = linear_of(network, unit);
    const std::string& node = network.nodes()[network.units()[unit].leader].name;
    if (linear.bias->master.empty() && keeps(result, label, node + "/bias"))
      linear.bias->master = Tensor<float>(Shape{linear.out_channels});
  }
}

Network network_of_variant(const ResultReader& result, const SnapshotLabel& label) {
  const std::string yaml = result.file().dataset("config/network").read_texts().at(0);
  Network out = network_from_yaml(yaml, result.file().path().string() + ": /config/network");
  if (is_folded(result, label, out)) out = fold_network(out).network;
  replace_activations(result, label, out);
  add_saved_biases(result, label, out);
  read_parameters(result, label, out);
  return out;
}

AffineTensor::Rounding rounding_of(const Options& quantizer) {
  const auto is = [&](const char* key, const char* value) {
    return quantizer.text(key, Options::required, "") == value;
  };
  if (is("rounding", "stochastic")) return AffineTensor::Rounding::drawn;
  const bool is_usual =
      is("rounding", "half_to_even") && is("order", "round_then_add") && is("scaling", "divide");
  return is_usual ? AffineTensor::Rounding::half_to_even : AffineTensor::Rounding::other;
}

/// The codes that levels give values to; of wide codes, which have no levels, all.
void set_given_codes(const h5::Group& group, AffineTensor& out) {
  const int64_t first = group.integer("first_code");
  const int64_t count = int64_t{1} << group.integer("bit_width");
  out.is_signed = first < 0;
  out.lowest = first;
  out.highest = first + count - 1;
  if (!group.has("levels")) return;
  const std::vector<float> levels = group.dataset("levels").read_rows<float>(0, 1);
  const auto is_given = [](float level) { return !std::isnan(level); };
  out.lowest += std::ranges::find_if(levels, is_given) - levels.begin();
  out.highest -= std::find_if(levels.rbegin(), levels.rend(), is_given) - levels.rbegin();
}

/// One number for all channels, or one for each channel of an entry.
template <typename T>
std::vector<T> by_channel(const std::vector<T>& by_entry, const Granularity& granularity,
                          int64_t channels) {
  if (granularity.is_per_tensor()) return by_entry;
  std::vector<T> out;
  for (int64_t c = 0; c < channels; ++c)
    out.push_back(by_entry.at(static_cast<size_t>(granularity.entry_of(c))));
  return out;
}

Tensor<int32_t> read_codes(const h5::Dataset& codes) {
  const std::vector<int64_t> sizes = codes.sizes();
  Tensor<int32_t> out{Shape(std::span(sizes))};
  std::ranges::copy(codes.read<int32_t>(), out.data());
  return out;
}

/// `expected`: of the codes; a bias has no scheme and a scale for each channel.
AffineTensor read_tensor(const h5::Group& group, const std::string& tensor, int64_t channels,
                         const Shape& expected) {
  if (!group.has("scale"))
    throw_error<ConfigError>(
        "{}: its quantizer has no scale and zero point; accepted: affine quantizers", tensor);
  AffineTensor out;
  out.scale = group.dataset("scale").read<double>();
  out.zero_point = group.dataset("zero_point").read<int64_t>();
  out.is_signed = true;
  if (group.has_attribute("scheme")) {
    const Options quantizer =
        Options::from_text(group.text("scheme"), tensor).plugin("quantizer", Options::required, "");
    const Granularity granularity = Granularity::read(quantizer);
    out.scale = by_channel(out.scale, granularity, channels);
    out.zero_point = by_channel(out.zero_point, granularity, channels);
    out.rounding = rounding_of(quantizer);
    set_given_codes(group, out);
  }
  if (expected.rank() == 0) return out;
  out.codes = read_codes(group.dataset("codes"));
  if (out.codes.shape() != expected)
    throw_error<Error>("{}: its codes have the shape {}; the net expects {}", tensor,
                       out.codes.shape().text(), expected.text());
  return out;
}

/// The shape of a tensor's codes; empty: an activation, which has none.
Shape codes_of(const Network& network, const TensorId& id) {
  if (id.role == TensorRole::output) return {};
  const Linear<float>& linear = linear_of(network, id.unit);
  return id.role == TensorRole::bias ? Shape{linear.out_channels} : linear.weight->master.shape();
}

AffineTensors read_tensors(const ResultReader& result, const std::string& variant,
                           const Network& network) {
  AffineTensors out;
  const h5::Group all = result.file().group("quantization/" + variant);
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit)
    for (const TensorRole role : {TensorRole::output, TensorRole::weight, TensorRole::bias}) {
      const TensorId id{unit, role};
      const std::string path = network.units()[unit].name + "/" + to_string(role);
      if (!all.has(path)) continue;
      const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
      out[id] = read_tensor(all.group(path), name_of(network, id), channels, codes_of(network, id));
    }
  return out;
}

}  // namespace

SavedVariant read_variant(const ResultReader& result, const std::string& name,
                          std::optional<int64_t> epoch) {
  const SnapshotLabel& label = label_of(result, name, epoch);
  Network network = network_of_variant(result, label);
  AffineTensors tensors = read_tensors(result, name, network);
  return {label, std::move(network), std::move(tensors)};
}

}  // namespace quantdyn
