// The one door to yaml-cpp.
#include "framework/config/config_node.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr int most_nodes = 100'000;
constexpr int deepest = 100;

class Converter {
 public:
  explicit Converter(std::string source) : source_(std::move(source)) {}

  ConfigNode::Pointer convert(const YAML::Node& node, int line, int depth) {
    if (++count_ > most_nodes)
      refuse(line,
             fmt::format(
                 "more than {} values after aliases are expanded, or an alias that holds itself",
                 most_nodes));
    if (depth > deepest)
      refuse(line,
             fmt::format("nested deeper than {} levels, or an alias that holds itself", deepest));
    auto out = std::make_shared<ConfigNode>();
    out->source = source_;
    out->line = line;
    if (node.IsScalar()) {
      out->kind = ConfigNode::Kind::scalar;
      out->scalar = node.Scalar();
      out->quoted = node.Tag() == "!";
    } else if (node.IsSequence()) {
      out->kind = ConfigNode::Kind::sequence;
      for (const YAML::Node& item : node)
        out->items.push_back(convert(item, item.Mark().line + 1, depth + 1));
    } else if (node.IsMap()) {
      out->kind = ConfigNode::Kind::map;
      for (const auto& entry : node) add_entry(*out, entry.first, entry.second, depth);
    }
    return out;
  }

 private:
  void add_entry(ConfigNode& out, const YAML::Node& key, const YAML::Node& value, int depth) {
    const int line = key.Mark().line + 1;
    if (!key.IsScalar()) refuse(line, "a key must be plain text");
    const std::string& name = key.Scalar();
    if (name == "<<") refuse(line, "<<: merge keys are not supported; write the keys out");
    if (const auto first = out.find(name))
      refuse(line, fmt::format("{}: repeated key, first given in line {}", name, first->line));
    out.entries.emplace_back(name, convert(value, line, depth + 1));
  }
  [[noreturn]] void refuse(int line, const std::string& message) const {
    throw_error<ConfigError>("{}:{}: {}", source_, line, message);
  }

  std::string source_;
  int count_ = 0;
};

void emit(YAML::Emitter& out, const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::null:
      out << YAML::Null;
      break;
    case ConfigNode::Kind::scalar:
      if (node.quoted) out << YAML::DoubleQuoted;
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
        out << YAML::Key << key << YAML::Value;
        emit(out, *value);
      }
      out << YAML::EndMap;
  }
}

}  // namespace

ConfigNode::Pointer parse_yaml(const std::string& text, const std::string& source) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      throw_error<ConfigError>("{}: found {} YAML documents; accepted: exactly one", source,
                               documents.size());
    if (documents.empty()) return Converter(source).convert(YAML::Node(YAML::NodeType::Null), 1, 0);
    return Converter(source).convert(documents[0], 1, 0);
  } catch (const YAML::DeepRecursion& e) {
    throw_error<ConfigError>("{}:{}: nested deeper than {} levels", source, e.mark.line + 1,
                             deepest);
  } catch (const YAML::Exception& e) {
    throw_error<ConfigError>("{}:{}: not valid YAML: {}", source, e.mark.line + 1, e.msg);
  }
}

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
