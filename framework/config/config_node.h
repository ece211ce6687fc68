// A parsed YAML value, free of yaml-cpp: what Options reads and writes defaults into.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quantdyn {

struct ConfigNode {
  enum class Kind { null, scalar, sequence, map };
  using Pointer = std::shared_ptr<ConfigNode>;

  Kind kind = Kind::null;
  std::string scalar;
  bool quoted = false;
  std::vector<Pointer> items;                            // of a sequence
  std::vector<std::pair<std::string, Pointer>> entries;  // of a map
  std::string source;                                    // file, or the --set argument
  int line = 0;  // of the key where there is one; 0: no line (--set)
  bool was_read = false;
  bool defaulted = false;          // written by a default, not by the user
  std::vector<std::string> asked;  // keys that somebody wanted to read, present or not

  Pointer find(const std::string& key) const {
    for (const auto& [name, value] : entries)
      if (name == key) return value;
    return nullptr;
  }
  std::string where() const { return line > 0 ? source + ":" + std::to_string(line) : source; }
};

/// Parses a document. Refuses (ConfigError, "file:line: ..."): repeated keys, a second document,
/// `<<`, keys that are not plain text, cycles, and more than 100,000 values after aliases are
/// expanded.
ConfigNode::Pointer parse_yaml(const std::string& text, const std::string& source);

/// Writes the tree as block-style YAML.
std::string emit_yaml(const ConfigNode& node);
/// Writes it in one line, flow style.
std::string emit_inline_yaml(const ConfigNode& node);

}  // namespace quantdyn
