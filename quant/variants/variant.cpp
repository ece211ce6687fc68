#include "quant/variants/variant.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "quant/integer/integer_network.h"
#include "quant/schemes/selection.h"

namespace quantdyn {
namespace {

/// Names become groups of an HDF5 file and parts of file names.
void check_name(const Options& entry, const std::string& name, std::set<std::string>& taken) {
  const auto is_bad = [](char c) { return c == '/' || std::iscntrl(c); };
  if (name.empty() || name == "float32" || name[0] == '.' || std::ranges::any_of(name, is_bad))
    entry.refuse("name",
                 fmt::format("'{}' cannot name a variant; accepted: text without '/' and control "
                             "characters that neither starts with '.' nor is float32",
                             name));
  if (!taken.insert(name).second)
    entry.refuse(
        "name",
        fmt::format("'{}' is the name of an earlier variant; accepted: another name", name));
}

void read_calibration(const Options& entry, int64_t training_images, Variant& variant) {
  const auto section = entry.section_if("calibration", "what activation ranges are taken from");
  const bool repairs_see_images =
      variant.repairs.bias_correction.has_value() || variant.repairs.adaround.has_value();
  if (!variant.quantizes_activations() && !repairs_see_images) {
    if (section)
      entry.refuse("calibration", "nothing is calibrated without `activations`; leave it out");
    return;
  }
  const Options own =
      section ? *section : entry.section("calibration", "what activation ranges are taken from");
  variant.calibration = CalibrationChoice::read(own, training_images);
  if (!variant.calibration.convergence.empty() && !variant.quantizes_activations())
    own.leave_out("convergence", "records ranges of activations, which stay float32");
}

void check_int32_bias(const Options& entry, const Network& network, const Variant& variant) {
  if (!variant.fold) entry.refuse("bias", "int32 needs batch norms folded; expected fold: true");
  for (int unit : units_with_weight(network)) {
    const auto refuse = [&](const std::string& why) {
      entry.refuse("bias", fmt::format("int32 needs the scales of what '{}' multiplies: {}",
                                       network.units()[unit].name, why));
    };
    const Scheme* const weight = variant.units[unit].weight.get();
    if (weight == nullptr || !weight->quantizer->is_affine())
      refuse("its weight must be quantized by an affine quantizer");
    const int source = variant.quantized_source(network, unit);
    if (source < 0) refuse("its input is not quantized");
    const Quantizer& input = *variant.units[source].output->quantizer;
    if (!input.is_affine() || !input.granularity().is_per_tensor())
      refuse(fmt::format("the output of '{}' must be quantized by an affine quantizer, per tensor",
                         network.units()[source].name));
  }
}

void check_integer(const Options& entry, const Network& network, const Variant& variant) {
  const bool is_given = entry.has("from");
  if (variant.bias != Variant::Bias::int32)
    entry.refuse("integer_check",
                 fmt::format("integers need biases at the scale of the products; expected {}",
                             is_given ? "a model with int32 biases in `from`" : "bias: int32"));
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const auto refuse = [&](const std::string& why) {
      entry.refuse("integer_check", fmt::format("'{}' {}", network.units()[unit].name, why));
    };
    if (const std::string why = no_integer_form(network, unit); !why.empty()) refuse(why);
    const Scheme* const output = variant.units[unit].output.get();
    if (output == nullptr && !passes_codes(network, unit))
      refuse(fmt::format(
          "has an output that is not quantized; expected {}",
          is_given ? "a scale for it in the model in `from`" : "every place in `places`"));
    if (output &&
        (!output->quantizer->is_affine() || !output->quantizer->granularity().is_per_tensor()))
      refuse("must have an affine output, per tensor");
  }
}

/// The number of images of a section's table; 0 if the section is absent.
int64_t read_images(const Options& entry, const std::string& key, const std::string& help,
                    int64_t test_images) {
  const auto section = entry.section_if(key, help);
  if (!section) return 0;
  const int64_t images =
      section->integer("images", std::min<int64_t>(512, test_images), accept::at_least<int64_t>(1),
                       "the first images of the shuffle that gives the probe images");
  section->finish();
  if (images > test_images)
    section->refuse("images",
                    fmt::format("{} asked for, the test set has {}", images, test_images));
  return images;
}

/// The parts of a variant that are the same for every kind of it.
void read_tables(const Options& entry, const Network& network, const ImageCounts& counts,
                 Variant& variant) {
  variant.sensitivity_images = read_images(
      entry, "sensitivity",
      "the net with only one tensor quantized, and with every tensor except that one", counts.test);
  variant.integer_images = read_images(
      entry, "integer_check", "the net in integers, compared with its simulation", counts.test);
  if (variant.integer_images > 0) check_integer(entry, network, variant);
}

/// A variant whose scales a file gives.
Variant read_given_variant(const Options& entry, const Network& network, const ImageCounts& counts,
                           const std::string& name, const GivenScalesReader& read) {
  Variant variant;
  variant.name = name;
  const std::filesystem::path file =
      entry.path("from", Options::required, "a quantized model whose scales the variant takes");
  if (!read) entry.refuse("from", "is not read here");
  try {
    GivenScales given = read(file, network);
    variant.units = schemes_of(given, network);
    variant.given = std::move(given.tensors);
    if (given.has_int32_biases) variant.bias = Variant::Bias::int32;
  } catch (const ConfigError& e) {
    entry.refuse("from", e.what());
  }
  if (variant.bias == Variant::Bias::int32) check_int32_bias(entry, network, variant);
  read_tables(entry, network, counts, variant);
  entry.finish();
  return variant;
}

Variant read_variant(const Options& entry, const Network& network, const ImageCounts& counts,
                     const std::string& name, std::optional<int64_t> bit_width) {
  Variant variant;
  variant.name = name;
  variant.units = read_unit_schemes(entry, network, bit_width);
  if (!variant.quantizes_weights() && !variant.quantizes_activations())
    entry.refuse(
        "",
        fmt::format("variant '{}' quantizes nothing; accepted: `weights`, `activations` or both",
                    variant.name));
  variant.repairs =
      Repairs::read(entry.section("repairs", "repairs before and after quantization"), network);
  const Repairs& repairs = variant.repairs;
  if ((repairs.bias_correction || repairs.adaround) && !variant.quantizes_weights())
    entry.refuse("repairs", "correct_bias and adaround need quantized `weights`");
  if (repairs.recalibrate && !(variant.quantizes_weights() && variant.quantizes_activations()))
    entry.refuse("repairs", "recalibrate needs both `weights` and `activations`");
  if (repairs.adaround)
    for (int unit : units_with_weight(network))
      if (variant.units[unit].weight && !variant.units[unit].weight->quantizer->is_affine())
        entry.refuse("repairs", fmt::format("adaround rounds to the levels of affine quantizers; "
                                            "the weight of '{}' has another quantizer",
                                            network.units()[unit].name));
  variant.fold =
      entry.flag("fold", true,
                 "batch norms into weights before quantization; false: they stay layers, "
                 "and repairs are not possible");
  if (!variant.fold && repairs.any())
    entry.refuse("repairs", "work on a folded net; expected fold: true");
  read_calibration(entry, counts.training, variant);
  variant.bias = entry.choice<Variant::Bias>(
      "bias", Variant::Bias::float32,
      {{"float32", Variant::Bias::float32}, {"int32", Variant::Bias::int32}},
      "int32: rounded to the scale of the products, as integer arithmetic adds it");
  if (variant.bias == Variant::Bias::int32) check_int32_bias(entry, network, variant);
  read_tables(entry, network, counts, variant);
  entry.finish();
  return variant;
}

}  // namespace

int Variant::quantized_source(const Network& network, int unit) const {
  for (;;) {
    unit = network.nodes()[network.nodes()[network.units()[unit].leader].inputs[0]].unit;
    if (units[unit].output) return unit;
    if (!passes_codes(network, unit)) return -1;
  }
}

bool Variant::quantizes_weights() const {
  return std::ranges::any_of(units, [](const UnitSchemes& u) { return u.weight != nullptr; });
}

bool Variant::quantizes_activations() const {
  return std::ranges::any_of(units, [](const UnitSchemes& u) { return u.output != nullptr; });
}

std::vector<Variant> read_variants(std::span<const Options> entries, const Network& network,
                                   const ImageCounts& counts, const GivenScalesReader& read_given) {
  std::vector<Variant> out;
  std::set<std::string> taken;
  for (const Options& entry : entries) {
    const std::string name =
        entry.text("name", Options::required, "the variant's name in the result");
    if (entry.has("from")) {
      check_name(entry, name, taken);
      out.push_back(read_given_variant(entry, network, counts, name, read_given));
      continue;
    }
    const std::vector<int64_t> widths = entry.integers(
        "bit_widths", std::vector<int64_t>{}, accept::between<int64_t>(2, 16),
        "one variant for each, named name-width, whose quantizers have that `bit_width`");
    if (widths.empty()) {
      check_name(entry, name, taken);
      out.push_back(read_variant(entry, network, counts, name, {}));
    }
    for (int64_t width : widths) {
      const std::string own_name = fmt::format("{}-{}", name, width);
      check_name(entry, own_name, taken);
      out.push_back(read_variant(entry, network, counts, own_name, width));
    }
  }
  return out;
}

}  // namespace quantdyn
