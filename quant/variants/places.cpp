#include "quant/variants/places.h"

#include <algorithm>

namespace quantdyn {
namespace {

struct PlaceOption {
  const char* key;
  const char* help;
};
// In the order of Place.
constexpr std::array<PlaceOption, place_count> place_options{{
    {"input", "the network's input"},
    {"block_outputs", "the output of each block or multiply, after its activation"},
    {"add_inputs", "both inputs of each add"},
    {"add_outputs", "the output of each add, after its activation"},
    {"pool_outputs", "the output of each pooling"},
    {"logits", "the network's output"},
}};

}  // namespace

std::vector<Place> places_of(const Network& network, int index) {
  const Unit& unit = network.units()[index];
  const Layer<float>* const leader = network.layer(unit.leader);
  std::vector<Place> out;
  if (unit.leader == 0) out.push_back(Place::input);
  if (unit.last == network.last())
    out.push_back(Place::logits);
  else if (leader && leader->is_sum())
    out.push_back(Place::add_output);
  else if (leader && leader->pooling())
    out.push_back(Place::pool_output);
  else if (leader && !leader->passes().order)
    out.push_back(Place::block_output);
  for (int reader : network.readers(unit.last))
    if (network.layer(reader)->is_sum()) out.push_back(Place::add_input);
  return out;
}

PlaceChoice PlaceChoice::read(const Options& places) {
  PlaceChoice out;
  for (size_t i = 0; i < place_options.size(); ++i)
    out.chosen_[i] = places.flag(place_options[i].key, true, place_options[i].help);
  places.finish();
  return out;
}

PlaceChoice PlaceChoice::all() {
  PlaceChoice out;
  out.chosen_.fill(true);
  return out;
}

bool PlaceChoice::empty() const {
  return std::ranges::none_of(chosen_, [](bool on) { return on; });
}

bool PlaceChoice::holds(const Network& network, int unit) const {
  return std::ranges::any_of(places_of(network, unit),
                             [&](Place place) { return chosen_[static_cast<size_t>(place)]; });
}

}  // namespace quantdyn
