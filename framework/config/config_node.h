// A parsed YAML value, free of yaml-cpp: what Options reads and writes defaults into.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "framework/config/options.h"

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
  bool defaulted = false;                // written by a default, not by the user
  std::vector<OptionDescription> asked;  // keys that somebody wanted to read, present or not
  bool takes_any = false;                // whether somebody read all keys that there are

  /// The value of a key of a map, or none.
  Pointer find(const std::string& key) const;
  /// The same to write to.
  Pointer* find_place(const std::string& key);
  /// Removes entries of a map; the others keep their order.
  void erase_entries(const std::function<bool(const std::string&, const ConfigNode&)>& is_erased);
  std::string where() const { return line > 0 ? source + ":" + std::to_string(line) : source; }

 private:
  size_t index_of(const std::string& key) const;

  mutable std::unordered_map<std::string, size_t> indices_;  // of the first entries of a large map
  mutable size_t indexed_ = 0;                               // how many
};

/// A longer text is not a configuration.
constexpr size_t most_yaml_bytes = size_t{4} << 20;

/// Parses a document. Refuses (ConfigError, "file:line: ..."): what is not UTF-8 or holds control
/// characters, repeated keys, anything after the first document, `<<`, tags, keys that are not
/// plain text, cycles, more than 100 levels, more than 100,000 values after aliases are expanded,
/// and more than most_yaml_bytes.
ConfigNode::Pointer parse_yaml(const std::string& text, const std::string& source);

/// Writes the tree as block-style YAML.
std::string emit_yaml(const ConfigNode& node);
/// Writes it in one line, flow style.
std::string emit_inline_yaml(const ConfigNode& node);

}  // namespace quantdyn
