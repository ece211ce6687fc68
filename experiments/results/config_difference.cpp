#include "experiments/results/config_difference.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "framework/base/error.h"
#include "framework/config/config_node.h"

namespace quantdyn {
namespace {

using Parts = std::vector<std::pair<std::string, const ConfigNode*>>;

/// "[minmax]" where every entry of the list has another `name`, else "[0]".
std::vector<std::string> entry_keys(const ConfigNode& list) {
  std::vector<std::string> keys;
  for (const auto& item : list.items) {
    const auto name = item->find("name");
    if (name && name->kind == ConfigNode::Kind::scalar)
      keys.push_back(fmt::format("[{}]", name->scalar));
  }
  if (keys.size() == list.items.size() &&
      std::set<std::string>(keys.begin(), keys.end()).size() == keys.size())
    return keys;
  keys.clear();
  for (size_t i = 0; i < list.items.size(); ++i) keys.push_back(fmt::format("[{}]", i));
  return keys;
}

bool is_flat(const ConfigNode& list) {
  return std::ranges::all_of(
      list.items, [](const auto& item) { return item->kind == ConfigNode::Kind::scalar; });
}

/// The parts of a map or of a list of maps with their keys; nothing of what is compared as a whole.
Parts parts_of(const ConfigNode& node) {
  Parts out;
  if (node.kind == ConfigNode::Kind::map)
    for (const auto& [name, value] : node.entries) out.emplace_back("." + name, value.get());
  if (node.kind == ConfigNode::Kind::sequence && !is_flat(node)) {
    const auto keys = entry_keys(node);
    for (size_t i = 0; i < keys.size(); ++i) out.emplace_back(keys[i], node.items[i].get());
  }
  return out;
}

const ConfigNode* find(const Parts& parts, const std::string& key) {
  const auto found = std::ranges::find(parts, key, &Parts::value_type::first);
  return found == parts.end() ? nullptr : found->second;
}

void compare(const ConfigNode* a, const ConfigNode* b, const std::string& key,
             std::vector<ConfigDifference>& out) {
  const auto text = [](const ConfigNode* node) { return node ? emit_inline_yaml(*node) : "-"; };
  const Parts of_a = a ? parts_of(*a) : Parts{}, of_b = b ? parts_of(*b) : Parts{};
  if (of_a.empty() || of_b.empty()) {
    if (text(a) != text(b)) out.push_back({key, text(a), text(b)});
    return;
  }
  for (const auto& [name, part] : of_a) compare(part, find(of_b, name), key + name, out);
  for (const auto& [name, part] : of_b)
    if (!find(of_a, name)) compare(nullptr, part, key + name, out);
}

/// SHA-256 by file name, of the libraries whose plugins a result was made with.
std::map<std::string, std::string> plugins_of(const ResultReader& result) {
  const h5::Group provenance = result.file().group("provenance");
  std::map<std::string, std::string> out;
  if (!provenance.has_attribute("plugins")) return out;
  std::istringstream lines(provenance.text("plugins"));
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.rfind(' ');
    if (space != std::string::npos) out[line.substr(0, space)] = line.substr(space + 1);
  }
  return out;
}

}  // namespace

std::vector<ConfigDifference> config_differences(const std::string& a, const std::string& b,
                                                 std::span<const std::string> ignored) {
  const auto of_a = parse_yaml(a, "/config/resolved"), of_b = parse_yaml(b, "/config/resolved");
  for (const auto& root : {of_a, of_b})
    root->erase_entries([&](const std::string& key, const ConfigNode&) {
      return std::ranges::find(ignored, key) != ignored.end();
    });
  std::vector<ConfigDifference> out;
  compare(of_a.get(), of_b.get(), "", out);
  for (ConfigDifference& difference : out)
    if (difference.key.starts_with('.')) difference.key.erase(0, 1);
  return out;
}

std::vector<ConfigDifference> experiment_differences(const ResultReader& a, const ResultReader& b,
                                                     std::span<const std::string> ignored) {
  const auto config = [](const ResultReader& result) {
    return result.file().dataset("config/resolved").read_texts().at(0);
  };
  std::vector<ConfigDifference> out = config_differences(config(a), config(b), ignored);
  const auto of_a = plugins_of(a), of_b = plugins_of(b);
  const auto sha256_in = [](const auto& plugins, const std::string& name) -> std::string {
    const auto found = plugins.find(name);
    return found == plugins.end() ? "-" : found->second;
  };
  std::map<std::string, std::string> all = of_a;
  all.insert(of_b.begin(), of_b.end());
  for (const auto& [name, sha256] : all)
    if (sha256_in(of_a, name) != sha256_in(of_b, name))
      out.push_back({"plugin " + name, sha256_in(of_a, name), sha256_in(of_b, name)});
  return out;
}

}  // namespace quantdyn
