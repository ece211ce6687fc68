#include "framework/config/config_set.h"

#include <algorithm>
#include <vector>

#include "framework/base/printable.h"
#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

size_t index_of(const std::string& word, const std::string& set) {
  int64_t index = -1;
  if (!parse_number(word, index) || index < 0)
    throw_error<ConfigError>(
        "--set {}: '{}' selects an entry of a list; accepted: its number, from 0", quotable(set),
        quotable(word));
  return static_cast<size_t>(index);
}

/// "train.epochs" of "train.epochs=3", word by word.
std::vector<std::string> path_of(const std::string& set) {
  std::vector<std::string> words(1);
  for (const char c : set.substr(0, set.find('='))) {
    if (c == '.')
      words.emplace_back();
    else
      words.back() += c;
  }
  if (set.find('=') == std::string::npos || std::ranges::find(words, "") != words.end())
    throw_error<ConfigError>("--set {}: expected key=value, as in --set train.epochs=3",
                             quotable(set));
  return words;
}

/// Goes from `node` to its entry `word` on the path of a --set; creates it if it is missing.
Pointer step_into(ConfigNode& node, const std::string& word, const std::string& set) {
  if (node.kind == Kind::sequence) {
    const size_t index = index_of(word, set);
    if (index >= node.items.size())
      throw_error<ConfigError>("--set {}: there is no entry {}; the list has {}", quotable(set),
                               index, node.items.size());
    return node.items[index];
  }
  if (node.kind == Kind::scalar)  // the short form `optimizer: sgd` grows options
    node.entries.emplace_back("name", make_scalar(node, node.scalar, node.quoted));
  node.kind = Kind::map;
  if (Pointer found = node.find(word)) return found;
  node.entries.emplace_back(word, std::make_shared<ConfigNode>());
  node.entries.back().second->source = "--set " + quotable(set);
  return node.entries.back().second;
}

/// From here on errors name the --set argument, which has no lines.
void clear_lines(ConfigNode& node) {
  node.line = 0;
  for (const Pointer& item : node.items) clear_lines(*item);
  for (const auto& [key, entry] : node.entries) clear_lines(*entry);
}

}  // namespace

void apply_set(Pointer node, const std::string& set) {
  for (const std::string& word : path_of(set)) node = step_into(*node, word, set);
  *node = *parse_yaml(set.substr(set.find('=') + 1), "--set " + quotable(set));
  clear_lines(*node);
}

}  // namespace quantdyn
