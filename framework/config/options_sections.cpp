// The keys of Options that hold mappings: sections, lists of them, plugins.
#include "framework/config/config_values.h"
#include "framework/config/options_document.h"

namespace quantdyn {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

namespace {

/// "epochs:3" is a text in YAML.
std::string missing_space(const ConfigNode& node) {
  const bool looks_like_key =
      node.kind == Kind::scalar && !node.quoted && node.scalar.find(':') != std::string::npos;
  return looks_like_key ? "; is a space missing after the ':'?" : "";
}

}  // namespace

Options Options::section(const std::string& key, std::string_view help) const {
  Pointer node = find(key, false, {key, "a mapping", "", "", std::string(help)});
  if (!node) {
    node = std::make_shared<ConfigNode>();
    node->kind = Kind::map;
    node->source = node_->source;
    node->line = node_->line;
    if (!document_->descriptions) write_default(*node_, key, node);
  }
  if (node->kind == Kind::null) node->kind = Kind::map;
  if (node->kind != Kind::map)
    throw_error<ConfigError>("{}: {}: expected a mapping, found {}{}", node->where(), key,
                             describe(*node), missing_space(*node));
  return {document_, node};
}

std::optional<Options> Options::section_if(const std::string& key, std::string_view help) const {
  if (has(key) && node_->find(key)->kind == Kind::null)
    refuse(key, "expected a mapping, found nothing; accepted: {} for all defaults, or no such key");
  const OptionDescription about{key, "a mapping", "left out", "", std::string(help)};
  if (!has(key)) return find(key, false, about), std::nullopt;
  note_asked(*node_, about);
  return section(key, help);
}

std::vector<Options> Options::list(const std::string& key, std::string_view help) const {
  const Pointer node = find(key, false, {key, "a list of mappings", "[]", "", std::string(help)});
  std::vector<Options> out;
  if (!node || node->kind == Kind::null) return out;
  if (node->kind != Kind::sequence)
    throw_error<ConfigError>("{}: {}: expected a list, found {}", node->where(), key,
                             describe(*node));
  for (const Pointer& item : node->items) {
    if (item->kind != Kind::map)
      throw_error<ConfigError>("{}: {}: expected a list of mappings, found {} in it", item->where(),
                               key, describe(*item));
    out.push_back(Options(document_, item));
  }
  return out;
}

namespace {

Pointer named_plugin(const ConfigNode& parent, const std::string& name) {
  auto made = std::make_shared<ConfigNode>();
  made->kind = Kind::map;
  made->source = parent.source;
  made->line = parent.line;
  made->entries.emplace_back("name", make_scalar(parent, name));
  return made;
}

/// A bare name becomes the mapping that it stands for.
void require_plugin(ConfigNode& node, const std::string& key) {
  if (node.kind == Kind::scalar) {
    Pointer name = make_scalar(node, node.scalar, node.quoted);
    node.kind = Kind::map;
    node.scalar.clear();
    node.entries.emplace_back("name", std::move(name));
  }
  if (node.kind != Kind::map || !node.find("name"))
    throw_error<ConfigError>("{}: {}: expected a name, or a mapping with the key `name`, found {}",
                             node.where(), key, describe(node));
}

}  // namespace

Options Options::plugin(const std::string& key, std::optional<std::string> fallback,
                        std::string_view help) const {
  Pointer node = find(key, !fallback,
                      {key, "a name, or a mapping with `name`", fallback.value_or("required"), "",
                       std::string(help)});
  if (!node) {
    node = named_plugin(*node_, fallback.value_or(""));
    if (!document_->descriptions) write_default(*node_, key, node);
  }
  require_plugin(*node, key);
  return {document_, node};
}

std::vector<Options> Options::plugins(const std::string& key,
                                      const std::vector<std::string>& fallback,
                                      std::string_view help) const {
  Pointer node = find(key, false,
                      {key, "a list of names, or of mappings with `name`", list_text(fallback), "",
                       std::string(help)});
  if (!node) {
    node = make_list(*node_, fallback);
    if (!document_->descriptions) write_default(*node_, key, node);
  }
  if (node->kind != Kind::sequence)
    throw_error<ConfigError>("{}: {}: expected a list, found {}", node->where(), key,
                             describe(*node));
  std::vector<Options> out;
  for (const Pointer& item : node->items) {
    require_plugin(*item, key);
    out.push_back({document_, item});
  }
  return out;
}

std::string Options::plugin_name() const {
  const Pointer node = node_->find("name");
  if (!node) refuse("name", "missing; expected the plugin's name");
  note_asked(*node_, {"name", "text", "required", "", "the plugin"});
  node->was_read = true;
  return read_text(*node, "name");
}

}  // namespace quantdyn
