#include "experiments/sweep/grid.h"

#include <algorithm>
#include <map>

#include "experiments/text/varied_names.h"
#include "framework/base/printable.h"
#include "framework/config/config_node.h"
#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

using Values = std::vector<std::string>;

/// The values of a list, each as YAML in one line; of anything else itself.
Values values_of(const std::string& yaml, const std::string& where) {
  const auto node = parse_yaml(yaml, where);
  if (node->kind != ConfigNode::Kind::sequence) return {yaml};
  Values out;
  for (const auto& item : node->items) out.push_back(emit_inline_yaml(*item));
  return out;
}

VariedKey grid_key(const Options& grid, const std::string& key, const std::string& yaml) {
  const auto node = parse_yaml(yaml, grid.where(key));
  if (node->kind != ConfigNode::Kind::sequence)
    grid.refuse(key, fmt::format("expected a list of values, found {}", describe(*node)));
  VariedKey out{key, values_of(yaml, grid.where(key))};
  if (out.values.empty()) grid.refuse(key, "expected a list of values, found an empty one");
  for (size_t i = 0; i < out.values.size(); ++i)
    if (std::ranges::count(out.values, out.values[i]) > 1)
      grid.refuse(key, fmt::format("the value {} is there twice; accepted: different values",
                                   quotable(out.values[i])));
  return out;
}

/// Keys are set in their order: a section after its own key would undo that.
void refuse_overwritten(const Options& grid, const std::vector<VariedKey>& keys) {
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = i + 1; j < keys.size(); ++j)
      if (keys[i].key.starts_with(keys[j].key + "."))
        grid.refuse(keys[i].key, fmt::format("is overwritten by '{}' after it; accepted: the "
                                             "section before its keys",
                                             keys[j].key));
}

std::vector<VariedKey> grid_keys(const Options& grid) {
  std::vector<VariedKey> out;
  for (const auto& [key, yaml] : grid.entries()) out.push_back(grid_key(grid, key, yaml));
  refuse_overwritten(grid, out);
  int64_t members = 1;
  for (const VariedKey& varied : out) {
    members *= std::ssize(varied.values);
    if (members > most_members)
      grid.refuse("", fmt::format("more than {} members; accepted: fewer values", most_members));
  }
  return out;
}

/// What an entry of `exclude` matches: the places of a key's values, by the key's place.
using Pattern = std::map<size_t, std::vector<size_t>>;

Pattern pattern_of(const Options& entry, const std::vector<VariedKey>& keys) {
  Pattern out;
  for (const auto& [key, yaml] : entry.entries()) {
    const auto found = std::ranges::find(keys, key, &VariedKey::key);
    if (found == keys.end()) {
      Values names;
      for (const VariedKey& varied : keys) names.push_back(varied.key);
      entry.refuse(key, fmt::format("no key of the grid; accepted: {}", fmt::join(names, ", ")));
    }
    const Values& values = found->values;
    const bool is_one = std::ranges::find(values, yaml) != values.end();
    std::vector<size_t>& places = out[static_cast<size_t>(found - keys.begin())];
    for (const std::string& value : is_one ? Values{yaml} : values_of(yaml, entry.where(key))) {
      const auto place = std::ranges::find(values, value);
      if (place == values.end())
        entry.refuse(key, fmt::format("{} matches nothing; the grid has {}", quotable(value),
                                      quotable(fmt::format("{}", fmt::join(values, ", ")))));
      places.push_back(static_cast<size_t>(place - values.begin()));
    }
    if (places.empty()) entry.refuse(key, "expected a value of the grid, or a list; found none");
  }
  if (out.empty()) entry.refuse("", "exclude: expected keys of the grid, found none");
  return out;
}

bool matches(const Pattern& pattern, const std::vector<size_t>& choice) {
  return std::ranges::all_of(pattern, [&](const auto& entry) {
    return std::ranges::find(entry.second, choice[entry.first]) != entry.second.end();
  });
}

/// The next combination, the last key fastest; false after the last one.
bool advance(std::vector<size_t>& choice, const std::vector<VariedKey>& keys) {
  for (size_t k = keys.size(); k-- > 0;) {
    if (++choice[k] < keys[k].values.size()) return true;
    choice[k] = 0;
  }
  return false;
}

SweepMember member_of(const Options& grid, const std::vector<VariedKey>& keys,
                      const std::vector<std::vector<std::string>>& parts,
                      const std::vector<size_t>& choice) {
  SweepMember out{{}, grid.where(), {}};
  for (size_t k = 0; k < keys.size(); ++k) {
    out.keys.push_back({keys[k].key, keys[k].values[choice[k]], grid.where(keys[k].key)});
    out.name += (out.name.empty() ? "" : "-") + parts[k][choice[k]];
  }
  if (out.name.starts_with('.')) out.name.front() = '_';  // no hidden folder
  constexpr size_t longest = 200;                         // bytes; a folder's name may have 255
  if (out.name.size() > longest)
    grid.refuse("", fmt::format("the name {} has over {} characters; accepted: fewer keys, or "
                                "members of `include`, which have names of their own",
                                quotable(out.name), longest));
  out.keys.insert(out.keys.begin(), {"name", "\"" + out.name + "\"", out.where});
  return out;
}

}  // namespace

std::vector<SweepMember> grid_members(const Options& grid, const std::vector<Options>& exclude) {
  const std::vector<VariedKey> keys = grid_keys(grid);
  std::vector<Pattern> patterns;
  for (const Options& entry : exclude) patterns.push_back(pattern_of(entry, keys));
  if (keys.empty()) return {};
  const auto parts = name_parts(keys);
  std::vector<SweepMember> out;
  std::vector<size_t> choice(keys.size(), 0);
  do {
    const auto excludes = [&](const Pattern& pattern) { return matches(pattern, choice); };
    if (std::ranges::none_of(patterns, excludes))
      out.push_back(member_of(grid, keys, parts, choice));
  } while (advance(choice, keys));
  return out;
}

}  // namespace quantdyn
