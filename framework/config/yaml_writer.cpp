// A parsed YAML value to text.
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "framework/config/config_node.h"

namespace quantdyn {
namespace {

/// Text that yaml-cpp writes as it is, but reads as nothing, or with folded spaces.
bool changes_when_plain(const std::string& text) {
  for (const char* nothing : {"", "~", "null", "Null", "NULL"})
    if (text == nothing) return true;
  return text.find_first_of("\n\t\r") != std::string::npos;
}

void emit(YAML::Emitter& out, const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::null:
      out << YAML::Null;
      break;
    case ConfigNode::Kind::scalar:
      if (node.quoted || changes_when_plain(node.scalar)) out << YAML::DoubleQuoted;
      out << node.scalar;
      break;
    case ConfigNode::Kind::sequence: {
      bool flow = true;
      for (const auto& item : node.items) flow = flow && item->kind == ConfigNode::Kind::scalar;
      if (flow) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const auto& item : node.items) emit(out, *item);
      out << YAML::EndSeq;
      break;
    }
    case ConfigNode::Kind::map:
      if (node.entries.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const auto& [key, value] : node.entries) {
        out << YAML::Key;
        if (changes_when_plain(key)) out << YAML::DoubleQuoted;
        out << key << YAML::Value;
        emit(out, *value);
      }
      out << YAML::EndMap;
  }
}

}  // namespace

std::string emit_inline_yaml(const ConfigNode& node) {
  YAML::Emitter out;
  out.SetMapFormat(YAML::Flow);
  out.SetSeqFormat(YAML::Flow);
  emit(out, node);
  std::string text = out.c_str();
  std::ranges::replace(text, '\n', ' ');  // yaml-cpp breaks long flow maps
  return text;
}

std::string emit_yaml(const ConfigNode& node) {
  YAML::Emitter out;
  emit(out, node);
  return std::string(out.c_str()) + "\n";
}

}  // namespace quantdyn
