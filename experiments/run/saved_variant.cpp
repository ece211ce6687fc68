#include "experiments/run/saved_variant.h"

#include <algorithm>
#include <cmath>

#include "experiments/method/tracking.h"
#include "experiments/run/network_file.h"
#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"
#include "quant/variants/variant.h"

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

/// The net as trained at the moment when the variant was made of it.
const SnapshotLabel& float_label(const ResultReader& result, const SnapshotLabel& variant) {
  for (const SnapshotLabel& label : result.snapshots())
    if (label.variant == float_variant && label.epoch == variant.epoch &&
        label.step == variant.step)
      return label;
  throw_error<Error>("{}: no float snapshot at epoch {}, step {}, of which '{}' was made",
                     result.file().path().string(), variant.epoch, variant.step, variant.variant);
}

Variant variant_of(const ResultReader& result, const std::string& name, const Network& network) {
  const std::string yaml = result.file().dataset("config/resolved").read_texts().at(0);
  const Options document =
      Options::from_text(yaml, result.file().path().string() + ": /config/resolved");
  constexpr int64_t enough = int64_t{1} << 40;  // the run has compared them with its data
  for (Variant& variant :
       read_variants(document.list("variants", "quantized twins"), network, {enough, enough}))
    if (variant.name == name) return std::move(variant);
  throw_error<Error>("{}: /config/resolved has no variant '{}'", result.file().path().string(),
                     name);
}

/// Repairs add biases to layers that had none.
void add_saved_biases(const ResultReader& result, const SnapshotLabel& label, Network& network) {
  for (const int unit : units_with_weight(network)) {
    Linear<float>& linear = linear_of(network, unit);
    const std::string path = fmt::format("weights/{}/{}/bias", label.index,
                                         network.nodes()[network.units()[unit].leader].name);
    if (linear.bias->master.empty() && result.file().has(path))
      linear.bias->master = Tensor<float>(Shape{linear.out_channels});
  }
}

Network network_of_variant(const ResultReader& result, const SnapshotLabel& label,
                           const Network& trained, const Variant& variant) {
  FoldedNetwork out = variant.fold ? fold_network(trained) : unfolded(trained);
  Frame report = make_frame(out.network);
  variant.repairs.apply(out, report);
  add_saved_biases(result, label, out.network);
  read_parameters(result, label, out.network);
  return std::move(out.network);
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
std::vector<T> by_channel(const std::vector<T>& by_entry, const Scheme* scheme, int64_t channels) {
  if (by_entry.size() <= 1 || static_cast<int64_t>(by_entry.size()) == channels) return by_entry;
  std::vector<T> out;
  for (int64_t c = 0; c < channels; ++c)
    out.push_back(by_entry.at(static_cast<size_t>(scheme->quantizer->granularity().entry_of(c))));
  return out;
}

AffineTensor read_tensor(const h5::Group& group, const std::string& tensor, const Scheme* scheme,
                         int64_t channels) {
  if (!group.has("scale"))
    throw_error<ConfigError>(
        "{}: its quantizer has no scale and zero point; accepted: affine quantizers", tensor);
  AffineTensor out;
  out.scale = by_channel(group.dataset("scale").read<double>(), scheme, channels);
  out.zero_point = by_channel(group.dataset("zero_point").read<int64_t>(), scheme, channels);
  if (group.has_attribute("first_code")) {
    set_given_codes(group, out);
    out.rounding = rounding_of(Options::from_text(group.text("scheme"), tensor)
                                   .plugin("quantizer", Options::required, ""));
  } else {  // an int32 bias
    out.is_signed = true;
  }
  if (!group.has("codes")) return out;
  const h5::Dataset codes = group.dataset("codes");
  const std::vector<int64_t> sizes = codes.sizes();
  out.codes = Tensor<int32_t>(Shape(std::span(sizes)));
  std::ranges::copy(codes.read<int32_t>(), out.codes.data());
  return out;
}

AffineTensors read_tensors(const ResultReader& result, const Variant& variant,
                           const Network& network) {
  AffineTensors out;
  const h5::Group all = result.file().group("quantization/" + variant.name);
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const UnitSchemes& schemes = variant.units[unit];
    const int64_t channels = network.nodes()[network.units()[unit].last].shape.channels();
    for (const TensorRole role : {TensorRole::output, TensorRole::weight, TensorRole::bias}) {
      const std::string path = network.units()[unit].name + "/" + to_string(role);
      if (!all.has(path)) continue;
      const Scheme* const scheme =
          (role == TensorRole::output ? schemes.output : schemes.weight).get();
      out[{unit, role}] =
          read_tensor(all.group(path), name_of(network, {unit, role}), scheme, channels);
    }
  }
  return out;
}

}  // namespace

SavedVariant read_variant(const ResultReader& result, const std::string& name,
                          std::optional<int64_t> epoch) {
  const SnapshotLabel& label = label_of(result, name, epoch);
  const Network trained = network_of(result, float_label(result, label));
  const Variant variant = variant_of(result, name, trained);
  Network network = network_of_variant(result, label, trained, variant);
  AffineTensors tensors = read_tensors(result, variant, network);
  return {label, std::move(network), std::move(tensors)};
}

}  // namespace quantdyn
