// Reading one value of a parsed document: numbers, texts, lists, with errors that name the place.
#pragma once

#include <string>
#include <vector>

#include "framework/config/config_node.h"
#include "framework/config/options.h"

namespace quantdyn {

/// A scalar at its parent's place in the document.
ConfigNode::Pointer make_scalar(const ConfigNode& parent, std::string value, bool quoted = false);

/// A list of scalars at its parent's place, all read.
ConfigNode::Pointer make_list(const ConfigNode& parent, const std::vector<std::string>& values);

/// What a node is, for errors: "'3'", "a list".
std::string describe(const ConfigNode& node);

/// Reads all of `text` as a number; false if it is not one.
template <typename T>
bool parse_number(std::string_view text, T& value);

/// Reads one number, of a list or alone; ConfigError names `key` and the node's own place.
template <typename T>
T read_number(const ConfigNode& node, const std::string& key, const Accepted<T>& accepted);
std::string read_text(const ConfigNode& node, const std::string& key);

/// Reads a list; a lone scalar counts as a list of one.
template <typename Read>
auto read_list(const ConfigNode& node, const std::string& key, const Read& read) {
  std::vector<decltype(read(node))> out;
  if (node.kind == ConfigNode::Kind::scalar) {
    out.push_back(read(node));
  } else if (node.kind == ConfigNode::Kind::sequence) {
    for (const ConfigNode::Pointer& item : node.items) out.push_back(read(*item));
  } else {
    throw_error<ConfigError>("{}: {}: expected a list, found {}", node.where(), key,
                             describe(node));
  }
  return out;
}

}  // namespace quantdyn
