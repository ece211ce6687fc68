#include "framework/config/options.h"

#include <algorithm>
#include <set>

#include "framework/base/printable.h"
#include "framework/base/text_file.h"
#include "framework/config/config_node.h"
#include "framework/config/config_set.h"
#include "framework/config/config_values.h"
#include "framework/config/options_document.h"

namespace quantdyn {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

void mark_read(ConfigNode& node) {
  node.was_read = true;
  for (const Pointer& item : node.items) item->was_read = true;
}

void write_default(ConfigNode& parent, const std::string& key, Pointer value) {
  value->was_read = value->defaulted = true;
  parent.entries.emplace_back(key, std::move(value));
}

Options::Options(std::shared_ptr<Document> document, std::shared_ptr<ConfigNode> node)
    : document_(std::move(document)), node_(std::move(node)) {}

Options Options::from_text(std::string_view yaml, std::string name, std::filesystem::path directory,
                           std::span<const std::string> sets) {
  auto document = std::make_shared<Document>();
  document->raw = yaml;
  document->directory = std::move(directory);
  Pointer root = parse_yaml(document->raw, name);
  if (root->kind != Kind::map && root->kind != Kind::null)
    throw_error<ConfigError>("{}: expected a mapping of keys, found {}", root->where(),
                             describe(*root));
  root->kind = Kind::map;
  for (const std::string& set : sets) apply_set(root, set);
  return {std::move(document), std::move(root)};
}

Options Options::from_file(const std::filesystem::path& file, std::span<const std::string> sets) {
  return from_text(read_whole_file(file, most_yaml_bytes), file.string(),
                   std::filesystem::absolute(file).parent_path(), sets);
}

Options Options::from_tree(std::shared_ptr<ConfigNode> root) {
  if (root->kind != Kind::map)
    throw_error<ConfigError>("{}: expected a mapping of keys, found {}", root->where(),
                             describe(*root));
  return {std::make_shared<Document>(), std::move(root)};
}

Options Options::describing(std::vector<OptionDescription>& into) {
  auto document = std::make_shared<Document>();
  document->descriptions = &into;
  auto root = std::make_shared<ConfigNode>();
  root->kind = Kind::map;
  root->source = "description";
  document->described = root.get();
  return {std::move(document), std::move(root)};
}

bool Options::has(const std::string& key) const {
  const Pointer found = node_->find(key);
  return found && !found->defaulted;
}

void note_asked(ConfigNode& node, const OptionDescription& about) {
  if (std::ranges::find(node.asked, about.key, &OptionDescription::key) == node.asked.end())
    node.asked.push_back(about);
}

Pointer Options::find(const std::string& key, bool is_required,
                      const OptionDescription& about) const {
  if (document_->descriptions) {
    document_->descriptions->push_back(about);
    return nullptr;
  }
  const Pointer found = node_->find(key);
  note_asked(*node_, about);
  if (found) mark_read(*found);
  if (!found && is_required)
    refuse(key, fmt::format("missing; expected {}",
                            about.type + (about.accepted.empty() ? "" : " " + about.accepted)));
  return found;
}

void Options::leave_out(const std::string& key, std::string_view why) const {
  if (has(key)) refuse(key, fmt::format("{}; leave it out", why));
  node_->erase_entries([&](const std::string& name, const ConfigNode&) { return name == key; });
}

std::vector<std::pair<std::string, std::string>> Options::entries() const {
  std::vector<std::pair<std::string, std::string>> out;
  node_->takes_any = true;
  for (const auto& [key, value] : node_->entries) {
    mark_read(*value);
    if (!value->defaulted) out.emplace_back(key, emit_inline_yaml(*value));
  }
  return out;
}

std::vector<std::string> Options::keys() const {
  std::vector<std::string> out;
  node_->takes_any = true;
  for (const auto& [key, value] : node_->entries)
    if (!value->defaulted) out.push_back(key);
  return out;
}

void Options::finish() const {
  if (document_->described == node_.get()) throw DescriptionDone{};
  if (document_->descriptions) return;  // a nested mapping's end is not the plugin's
  for (const auto& [key, value] : node_->entries) {
    if (value->was_read) continue;
    std::vector<std::string> known;
    for (const OptionDescription& about : node_->asked) known.push_back(about.key);
    const std::set<std::string> asked(known.begin(), known.end());
    for (const auto& [name, entry] : node_->entries)
      if (entry->was_read && !asked.contains(name)) known.push_back(name);
    throw_error<ConfigError>("{}: {}: unknown key; accepted here: {}", value->where(),
                             quotable(key),
                             known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
  }
}

void Options::refuse(const std::string& key, std::string_view message) const {
  if (key.empty()) throw_error<ConfigError>("{}: {}", where(), message);
  throw_error<ConfigError>("{}: {}: {}", where(key), quotable(key), message);
}

std::string Options::where(const std::string& key) const {
  const Pointer found = key.empty() ? nullptr : node_->find(key);
  return (found ? *found : *node_).where();
}

const std::string& Options::raw_yaml() const { return document_->raw; }
std::string Options::resolved_yaml() const { return emit_yaml(*node_); }
std::string Options::inline_yaml() const { return emit_inline_yaml(*node_); }

}  // namespace quantdyn
