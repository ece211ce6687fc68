#include "quant/variant.h"

#include <algorithm>
#include <set>
#include <utility>

namespace quantdyn {
namespace {

struct PlaceOption {
  const char* key;
  const char* help;
};
// In the order of Place.
constexpr std::array<PlaceOption, place_count> place_options{{
    {"input", "the network's input"},
    {"block_outputs", "the output of each block, after its activation"},
    {"add_inputs", "both inputs of each add"},
    {"add_outputs", "the output of each add, after its activation"},
    {"pool_outputs", "the output of each pooling"},
    {"logits", "the network's output"},
}};

/// Names become groups of an HDF5 file and parts of file names.
std::string read_name(const Options& entry, std::set<std::string>& taken) {
  const std::string name = entry.text("name", required, "the variant's name in the result");
  const auto is_bad = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; };
  if (name.empty() || name == "float32" || name[0] == '.' || std::ranges::any_of(name, is_bad))
    entry.refuse("name",
                 fmt::format("'{}' cannot name a variant; accepted: text without '/' and control "
                             "characters that neither starts with '.' nor is float32",
                             name));
  if (!taken.insert(name).second)
    entry.refuse(
        "name",
        fmt::format("'{}' names an earlier variant too; accepted: a name of its own", name));
  return name;
}

void read_activations(const Options& entry, Variant& variant) {
  const Options section =
      entry.section("activations", "how activations are quantized; they stay float32 where absent");
  variant.activations = read_scheme(section);
  const Options places = section.section("places", "where activations are quantized");
  for (size_t i = 0; i < place_options.size(); ++i)
    variant.quantizes_place[i] = places.flag(place_options[i].key, true, place_options[i].help);
  places.finish();
  section.finish();
  if (std::ranges::none_of(variant.quantizes_place, [](bool on) { return on; }))
    section.refuse("places",
                   "all are false; accepted: at least one place, or no `activations` at all");
  const Options calibration = entry.section("calibration", "what activation ranges are taken from");
  variant.calibration_images =
      calibration.integer("images", 512, at_least<int64_t>(1),
                          "the first of a seeded shuffle of the training set, not augmented");
  calibration.finish();
}

Variant read_variant(const Options& entry, std::set<std::string>& taken) {
  Variant variant;
  variant.name = read_name(entry, taken);
  if (entry.has("weights")) {
    const Options section =
        entry.section("weights", "how weights are quantized; they stay float32 where absent");
    variant.weights = read_scheme(section);
    section.finish();
  }
  if (entry.has("activations")) {
    read_activations(entry, variant);
  } else if (entry.has("calibration")) {
    entry.refuse("calibration", "nothing is calibrated without `activations`; leave it out");
  }
  entry.finish();
  if (!variant.weights && !variant.activations)
    entry.refuse(
        "",
        fmt::format("variant '{}' quantizes nothing; accepted: `weights`, `activations` or both",
                    variant.name));
  return variant;
}

}  // namespace

bool Variant::quantizes(std::initializer_list<Place> places) const {
  if (!activations) return false;
  return std::ranges::any_of(places,
                             [&](Place p) { return quantizes_place[static_cast<size_t>(p)]; });
}

std::vector<Variant> read_variants(std::span<const Options> entries) {
  std::vector<Variant> out;
  std::set<std::string> taken;
  for (const Options& entry : entries) out.push_back(read_variant(entry, taken));
  return out;
}

}  // namespace quantdyn
