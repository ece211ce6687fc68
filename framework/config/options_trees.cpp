// Options made from others: parameters substituted, defaults inherited, mappings laid over.
#include "framework/base/printable.h"
#include "framework/config/config_node.h"
#include "framework/config/config_overlay.h"
#include "framework/config/options.h"

namespace quantdyn {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

namespace {

void set_line(ConfigNode& node, int line) {
  node.line = line;
  for (const Pointer& item : node.items) set_line(*item, line);
  for (const auto& [key, entry] : node.entries) set_line(*entry, line);
}

void set_place(ConfigNode& node, const std::string& place) {
  node.source = place;
  node.line = 0;
  for (const Pointer& item : node.items) set_place(*item, place);
  for (const auto& [key, entry] : node.entries) set_place(*entry, place);
}

}  // namespace

void Options::substitute(const Options& parameters) const {
  const auto visit = [&](const auto& self, ConfigNode& node) -> void {
    if (node.kind == Kind::scalar && node.scalar.starts_with("$") && !node.quoted) {
      const Pointer value = parameters.node_->find(node.scalar.substr(1));
      if (!value)
        throw_error<ConfigError>(
            "{}: {}: no such parameter; accepted: {}", node.where(), quotable(node.scalar),
            parameters.keys().empty() ? "none"
                                      : fmt::format("{}", fmt::join(parameters.keys(), ", ")));
      value->was_read = true;
      const std::string from =
          fmt::format("{} ({} of {})", value->where(), quotable(node.scalar), node.where());
      node = *deep_copy(*value);
      node.defaulted = false;  // the user did write this key
      set_place(node, from);
      return;  // a value is taken as it is: expanding "$name" in it again might never end
    }
    for (const Pointer& item : node.items) self(self, *item);
    for (const auto& [key, entry] : node.entries) self(self, *entry);
  };
  visit(visit, *node_);
}

void Options::inherit(const Options& defaults) const {
  for (const auto& [key, value] : defaults.node_->entries) {
    value->was_read = true;
    if (node_->find(key)) continue;
    node_->entries.emplace_back(key, deep_copy(*value));
  }
}

Options Options::under(const Options& over) const {
  for (const auto& [key, value] : over.node_->entries) value->was_read = true;
  return {document_, overlaid(*node_, *over.node_)};
}

Options Options::derive(const std::vector<std::pair<std::string, std::string>>& entries,
                        const std::vector<std::string>& passed_on) const {
  auto made = std::make_shared<ConfigNode>();
  made->kind = Kind::map;
  made->source = node_->source;
  made->line = node_->line;
  for (const auto& [key, value] : entries) {
    made->entries.emplace_back(key, parse_yaml(value, node_->source));
    set_line(*made->entries.back().second, node_->line);
  }
  for (const std::string& key : passed_on)
    if (const Pointer value = node_->find(key)) {
      value->was_read = true;
      made->entries.emplace_back(key, deep_copy(*value));  // finish() there still sees unread keys
    }
  return {document_, made};
}

}  // namespace quantdyn
