#include "framework/config/options.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "framework/base/printable.h"
#include "framework/base/text_file.h"
#include "framework/config/config_node.h"
#include "framework/config/config_set.h"
#include "framework/config/config_values.h"

namespace quantdyn {

struct Options::Document {
  std::string raw;
  std::filesystem::path directory;
  std::vector<OptionDescription>* descriptions = nullptr;  // where only describing
  const ConfigNode* described = nullptr;                   // the plugin's own mapping
};

namespace {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

/// As YAML has it, so that the resolved document can be read again.
std::string shortest(double value) {
  return std::isinf(value) ? (value < 0 ? "-.inf" : ".inf") : fmt::format("{}", value);
}

std::string join(std::span<const std::string> words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

void mark_read(ConfigNode& node) {
  node.was_read = true;
  for (const Pointer& item : node.items) item->was_read = true;
}

template <typename T>
std::string list_text(const std::vector<T>& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace

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

void Options::note_asked(const std::string& key) const {
  if (std::ranges::find(node_->asked, key) == node_->asked.end()) node_->asked.push_back(key);
}

Pointer Options::find(const std::string& key, bool is_required,
                      const OptionDescription& about) const {
  if (document_->descriptions) {
    document_->descriptions->push_back(about);
    return nullptr;
  }
  const Pointer found = node_->find(key);
  note_asked(key);
  if (found) mark_read(*found);
  if (!found && is_required)
    refuse(key, fmt::format("missing; expected {}",
                            about.type + (about.accepted.empty() ? "" : " " + about.accepted)));
  return found;
}

namespace {

/// Writes a default into the tree, so that the resolved YAML holds it and has() still says no.
void write_default(ConfigNode& parent, const std::string& key, Pointer value) {
  value->was_read = value->defaulted = true;
  parent.entries.emplace_back(key, std::move(value));
}

Pointer make_list(const ConfigNode& parent, const std::vector<std::string>& values) {
  auto node = std::make_shared<ConfigNode>();
  node->kind = Kind::sequence;
  node->source = parent.source;
  node->line = parent.line;
  for (const std::string& value : values) {
    node->items.push_back(make_scalar(parent, value));
    node->items.back()->was_read = true;
  }
  return node;
}

template <typename T>
std::vector<std::string> texts_of(const std::vector<T>& values) {
  std::vector<std::string> out;
  for (const T& value : values) {
    if constexpr (std::is_same_v<T, double>)
      out.push_back(shortest(value));
    else
      out.push_back(fmt::format("{}", value));
  }
  return out;
}

}  // namespace

int64_t Options::integer(const std::string& key, std::optional<int64_t> fallback,
                         const Accepted<int64_t>& accepted, std::string_view help) const {
  const std::string shown = fallback ? std::to_string(*fallback) : "required";
  const Pointer node =
      find(key, !fallback, {key, "a whole number", shown, accepted.text(), std::string(help)});
  if (node) return read_number<int64_t>(*node, key, accepted);
  if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, shown));
  return fallback.value_or(std::max<int64_t>(accepted.low, 1));
}

double Options::number(const std::string& key, std::optional<double> fallback,
                       const Accepted<double>& accepted, std::string_view help) const {
  const std::string shown = fallback ? shortest(*fallback) : "required";
  const Pointer node =
      find(key, !fallback, {key, "a number", shown, accepted.text(), std::string(help)});
  if (node) return read_number<double>(*node, key, accepted);
  if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, shown));
  return fallback.value_or(std::max(accepted.low, 1.0));
}

bool Options::flag(const std::string& key, std::optional<bool> fallback,
                   std::string_view help) const {
  const std::string shown = fallback ? (*fallback ? "true" : "false") : "required";
  const Pointer node = find(key, !fallback, {key, "true or false", shown, "", std::string(help)});
  if (!node) {
    if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, shown));
    return fallback.value_or(false);
  }
  if (node->kind == Kind::scalar && !node->quoted &&
      (node->scalar == "true" || node->scalar == "false"))
    return node->scalar == "true";
  throw_error<ConfigError>("{}: {}: expected true or false, found {}", node->where(), key,
                           describe(*node));
}

std::string Options::text(const std::string& key, std::optional<std::string> fallback,
                          std::string_view help) const {
  const Pointer node =
      find(key, !fallback, {key, "text", fallback.value_or("required"), "", std::string(help)});
  if (node) return read_text(*node, key);
  if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, *fallback));
  return fallback.value_or("");
}

std::string Options::choice(const std::string& key, std::optional<std::string> fallback,
                            std::span<const std::string> accepted, std::string_view help) const {
  const Pointer node =
      find(key, !fallback,
           {key, "one of", fallback.value_or("required"), join(accepted), std::string(help)});
  if (!node) {
    if (!document_->descriptions) write_default(*node_, key, make_scalar(*node_, *fallback));
    return fallback.value_or("");
  }
  const std::string chosen = read_text(*node, key);
  if (std::ranges::find(accepted, chosen) == accepted.end())
    throw_error<ConfigError>("{}: {}: unknown value '{}'; accepted: {}", node->where(), key,
                             quotable(chosen), join(accepted));
  return chosen;
}

std::vector<int64_t> Options::integers(const std::string& key,
                                       std::optional<std::vector<int64_t>> fallback,
                                       const Accepted<int64_t>& accepted,
                                       std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key, "whole numbers", fallback ? list_text(*fallback) : "required",
                             accepted.text(), std::string(help)});
  if (node)
    return read_list(*node, key, [&](const ConfigNode& item) {
      return read_number<int64_t>(item, key, accepted);
    });
  if (!document_->descriptions) write_default(*node_, key, make_list(*node_, texts_of(*fallback)));
  return fallback.value_or(std::vector<int64_t>{});
}

std::vector<double> Options::numbers(const std::string& key,
                                     std::optional<std::vector<double>> fallback,
                                     const Accepted<double>& accepted,
                                     std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key, "numbers", fallback ? list_text(*fallback) : "required",
                             accepted.text(), std::string(help)});
  if (node)
    return read_list(*node, key, [&](const ConfigNode& item) {
      return read_number<double>(item, key, accepted);
    });
  if (!document_->descriptions) write_default(*node_, key, make_list(*node_, texts_of(*fallback)));
  return fallback.value_or(std::vector<double>{});
}

std::vector<std::string> Options::texts(const std::string& key,
                                        std::optional<std::vector<std::string>> fallback,
                                        std::string_view help) const {
  const Pointer node = find(key, !fallback,
                            {key, "a list of texts", fallback ? list_text(*fallback) : "required",
                             "", std::string(help)});
  if (node)
    return read_list(*node, key, [&](const ConfigNode& item) { return read_text(item, key); });
  if (!document_->descriptions) write_default(*node_, key, make_list(*node_, *fallback));
  return fallback.value_or(std::vector<std::string>{});
}

std::filesystem::path Options::path(const std::string& key, std::optional<std::string> fallback,
                                    std::string_view help) const {
  const std::string given = text(key, std::move(fallback), help);
  return given.empty() ? std::filesystem::path()
                       : (document_->directory / given).lexically_normal();
}

std::vector<std::filesystem::path> Options::paths(const std::string& key,
                                                  std::string_view help) const {
  const Pointer node = find(key, false, {key, "a list of paths", "[]", "", std::string(help)});
  std::vector<std::filesystem::path> out;
  if (!node) return out;
  for (const std::string& given :
       read_list(*node, key, [&](const ConfigNode& item) { return read_text(item, key); }))
    out.push_back((document_->directory / given).lexically_normal());
  return out;
}

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
    throw_error<ConfigError>("{}: {}: expected a mapping, found {}", node->where(), key,
                             describe(*node));
  return {document_, node};
}

std::optional<Options> Options::section_if(const std::string& key, std::string_view help) const {
  if (has(key) && node_->find(key)->kind == Kind::null)
    refuse(key, "expected a mapping, found nothing; accepted: {} for all defaults, or no such key");
  if (has(key)) return section(key, help);
  find(key, false, {key, "a mapping", "left out", "", std::string(help)});
  return {};
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
  note_asked("name");
  node->was_read = true;
  return read_text(*node, "name");
}

void Options::leave_out(const std::string& key, std::string_view why) const {
  if (has(key)) refuse(key, fmt::format("{}; leave it out", why));
  node_->erase_entries([&](const std::string& name, const ConfigNode&) { return name == key; });
}

std::vector<std::pair<std::string, std::string>> Options::entries() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : node_->entries) {
    mark_read(*value);
    if (!value->defaulted) out.emplace_back(key, emit_inline_yaml(*value));
  }
  return out;
}

std::vector<std::string> Options::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, value] : node_->entries)
    if (!value->defaulted) out.push_back(key);
  return out;
}

void Options::finish() const {
  if (document_->described == node_.get()) throw DescriptionDone{};
  if (document_->descriptions) return;  // a nested mapping's end is not the plugin's
  for (const auto& [key, value] : node_->entries) {
    if (value->was_read) continue;
    std::vector<std::string> known = node_->asked;
    const std::set<std::string> asked(known.begin(), known.end());
    for (const auto& [name, entry] : node_->entries)
      if (entry->was_read && !asked.contains(name)) known.push_back(name);
    throw_error<ConfigError>("{}: {}: unknown key; accepted here: {}", value->where(),
                             quotable(key), known.empty() ? "none" : join(known));
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
