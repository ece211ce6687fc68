#include "experiments/config_difference.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/config_node.h"
#include "framework/error.h"

namespace quantdyn {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

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

void flatten(const ConfigNode& node, const std::string& key, Values& out) {
  if (node.kind == ConfigNode::Kind::map && !node.entries.empty()) {
    for (const auto& [name, value] : node.entries)
      flatten(*value, key.empty() ? name : key + "." + name, out);
  } else if (node.kind == ConfigNode::Kind::sequence && !is_flat(node)) {
    const auto keys = entry_keys(node);
    for (size_t i = 0; i < keys.size(); ++i) flatten(*node.items[i], key + keys[i], out);
  } else {
    out.emplace_back(key, emit_inline_yaml(node));
  }
}

Values values_of(const std::string& text, std::span<const std::string> ignored) {
  Values out;
  const auto root = parse_yaml(text, "/config/resolved");
  for (const auto& [name, value] : root->entries)
    if (std::ranges::find(ignored, name) == ignored.end()) flatten(*value, name, out);
  return out;
}

}  // namespace

std::vector<ConfigDifference> config_differences(const std::string& a, const std::string& b,
                                                 std::span<const std::string> ignored) {
  const Values of_a = values_of(a, ignored), of_b = values_of(b, ignored);
  const std::map<std::string, std::string> in_a(of_a.begin(), of_a.end()),
      in_b(of_b.begin(), of_b.end());
  std::vector<ConfigDifference> out;
  for (const auto& [key, value] : of_a) {
    const auto found = in_b.find(key);
    const std::string other = found == in_b.end() ? "-" : found->second;
    if (value != other) out.push_back({key, value, other});
  }
  for (const auto& [key, value] : of_b)
    if (!in_a.contains(key)) out.push_back({key, "-", value});
  return out;
}

std::string resolved_config(const ResultReader& result) {
  return result.file().dataset("config/resolved").read_texts().at(0);
}

}  // namespace quantdyn
