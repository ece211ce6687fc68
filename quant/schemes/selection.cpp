#include "quant/schemes/selection.h"

#include <fnmatch.h>

#include <functional>
#include <set>

#include "framework/graph/convolution_kinds.h"

namespace quantdyn {
namespace {

std::string names_of(const Network& network) {
  std::string out;
  for (const Unit& unit : network.units()) out += (out.empty() ? "" : ", ") + unit.name;
  return out;
}

std::string kinds_of(const Network& network) {
  std::set<std::string> kinds;
  for (const Unit& unit : network.units()) kinds.insert(unit.kind);
  return fmt::format("{}", fmt::join(kinds, ", "));
}

/// Whether any net can have units of this kind.
bool is_known_kind(const std::string& kind) {
  return is_convolution_kind(kind) || LayerRegistry<float>::instance().entries().contains(kind);
}

using Means = std::function<bool(const std::string& word, int unit)>;

/// The units that a key's words match; refuses a word that matches none.
std::vector<bool> units_of(const Options& entry, const std::string& key, const std::string& help,
                           const Network& network, const std::string& accepted, const Means& means,
                           const std::function<bool(const std::string&)>& may_lack) {
  const std::vector<std::string> words = entry.texts(key, std::vector<std::string>{}, help);
  std::vector<bool> out(network.units().size(), words.empty());
  for (const std::string& word : words) {
    bool any = false;
    for (int unit = 0; unit < static_cast<int>(out.size()); ++unit) {
      if (!means(word, unit)) continue;
      any = out[unit] = true;
    }
    if (!any && !may_lack(word))
      entry.refuse(key, fmt::format("'{}' is not in the net; accepted: {}", word, accepted));
  }
  return out;
}

}  // namespace

std::vector<int> units_with_weight(const Network& network) {
  std::vector<int> out;
  for (int unit = 0; unit < static_cast<int>(network.units().size()); ++unit) {
    const Layer<float>* const layer = network.layer(network.units()[unit].leader);
    if (layer && layer->linear()) out.push_back(unit);
  }
  return out;
}

std::vector<int> select_units(const Options& entry, const Network& network, bool may_lack) {
  const std::vector<int> weighted = units_with_weight(network);
  const auto by_name = [&](const std::string& word, int unit) {
    if (word == "first") return !weighted.empty() && unit == weighted.front();
    if (word == "last") return !weighted.empty() && unit == weighted.back();
    return fnmatch(word.c_str(), network.units()[unit].name.c_str(), 0) == 0;
  };
  const auto by_kind = [&](const std::string& word, int unit) {
    return network.units()[unit].kind == word;
  };
  const std::vector<bool> named =
      units_of(entry, "nodes", "names or patterns of nodes, `first`, `last`", network,
               "first, last, " + names_of(network) + ", or a pattern of such names", by_name,
               [](const std::string&) { return false; });
  const std::vector<bool> of_kind =
      units_of(entry, "kinds", "kinds of nodes", network, kinds_of(network), by_kind,
               [&](const std::string& kind) { return may_lack && is_known_kind(kind); });
  std::vector<int> out;
  const auto is_given = [&](const char* key) {  // a resolved experiment has `kinds: []`
    return !entry.texts(key, std::vector<std::string>{}, "").empty();
  };
  if (!is_given("nodes") && !is_given("kinds")) return out;
  for (int unit = 0; unit < static_cast<int>(named.size()); ++unit)
    if (named[unit] && of_kind[unit]) out.push_back(unit);
  if (out.empty() && !may_lack) entry.refuse("nodes", "no node matches both `nodes` and `kinds`");
  return out;
}

}  // namespace quantdyn
