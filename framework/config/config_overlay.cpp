#include "framework/config/config_overlay.h"

#include "framework/config/config_values.h"

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

void drop_defaults(ConfigNode& node) {
  node.erase_entries([](const std::string&, const ConfigNode& value) { return value.defaulted; });
  for (auto& [key, entry] : node.entries) drop_defaults(*entry);
}

/// A copy of what the user gave; as a mapping where it is a bare name and `other` a plugin's
/// mapping.
Pointer copy_beside(const ConfigNode& node, const ConfigNode& other) {
  const Pointer copy = deep_copy(node);
  drop_defaults(*copy);
  if (node.kind != Kind::scalar || other.kind != Kind::map) return copy;
  copy->kind = Kind::map;
  copy->scalar.clear();
  copy->entries.emplace_back("name", make_scalar(node, node.scalar, node.quoted));
  return copy;
}

}  // namespace

Pointer deep_copy(const ConfigNode& node) {
  auto copy = std::make_shared<ConfigNode>(node);
  copy->was_read = false;
  copy->asked.clear();
  for (Pointer& item : copy->items) item = deep_copy(*item);
  for (auto& [key, entry] : copy->entries) entry = deep_copy(*entry);
  return copy;
}

Pointer overlaid(const ConfigNode& base, const ConfigNode& over) {
  const Pointer out = copy_beside(base, over), top = copy_beside(over, base);
  if (out->kind != Kind::map || top->kind != Kind::map) return top;
  const Pointer name = out->find("name"), other_name = top->find("name");
  if (name && other_name && name->scalar != other_name->scalar) return top;
  out->source = top->source;  // where the latest word on it stands
  out->line = top->line;
  for (const auto& [key, value] : top->entries) {
    if (Pointer* same = out->find_place(key))
      *same = overlaid(**same, *value);
    else
      out->entries.emplace_back(key, value);
  }
  return out;
}

}  // namespace quantdyn
