// What the parts of Options share: the document behind them, and how defaults are written into it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/config_node.h"
#include "framework/config/options.h"

namespace quantdyn {

struct Options::Document {
  std::string raw;
  std::filesystem::path directory;
  std::vector<OptionDescription>* descriptions = nullptr;  // where only describing
  const ConfigNode* described = nullptr;                   // the plugin's own mapping
};

/// Remembers that a key of a mapping was asked for, once.
void note_asked(ConfigNode& node, const OptionDescription& about);

/// Marks a value and the items of a list as read.
void mark_read(ConfigNode& node);

/// Writes a default into the tree, so that the resolved YAML holds it and has() still says no.
void write_default(ConfigNode& parent, const std::string& key, ConfigNode::Pointer value);

/// "[1, 2]".
template <typename T>
std::string list_text(const std::vector<T>& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace quantdyn
