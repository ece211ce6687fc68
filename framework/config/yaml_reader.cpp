// Text to a parsed YAML value: yaml-cpp's events, within bounds.
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/printable.h"
#include "framework/config/config_node.h"

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;
using Pointer = ConfigNode::Pointer;

constexpr int most_nodes = 100'000;
constexpr int deepest = 100;

[[noreturn]] void refuse(const std::string& source, int line, const std::string& message) {
  throw_error<ConfigError>("{}:{}: {}", source, line, message);
}

/// Builds the tree of one document; its member functions have the names that yaml-cpp asks for.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string source) : source_(std::move(source)) {}

  Pointer root() const { return root_ ? root_ : make(Kind::null, 1); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Kind::null, line_of(mark)), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const int line = line_of(mark);
    if (tag != "!" && tag != "?" && !tag.empty()) refuse_tag(tag, line);
    if (const auto bad = first_unprintable(value))
      refuse(source_, line,
             fmt::format("a text holds {}; accepted: no control characters", printable(*bad)));
    Pointer node = make(Kind::scalar, line);
    node->scalar = value;
    node->quoted = tag == "!";
    add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int line = line_of(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(source_, line, "an alias that holds itself");
    copied_line_ = line;
    Pointer copy = copy_of(*found->second, open_.size());
    copy->line = line;
    add(std::move(copy), YAML::NullAnchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Kind::sequence, line_of(mark), tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Kind::map, line_of(mark), tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  /// A list or mapping whose end is still to come.
  struct Open {
    Pointer node;
    YAML::anchor_t anchor;
    bool awaits_value = false;  // the last entry has a key only
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  Pointer make(Kind kind, int line) const {
    auto node = std::make_shared<ConfigNode>();
    node->kind = kind;
    node->source = source_;
    node->line = line;
    return node;
  }
  void count(int line, size_t depth) {
    if (++count_ > most_nodes)
      refuse(source_, line,
             fmt::format("more than {} values after aliases are expanded", most_nodes));
    if (depth > static_cast<size_t>(deepest))
      refuse(source_, line, fmt::format("nested deeper than {} levels", deepest));
  }
  Pointer copy_of(const ConfigNode& node, size_t depth) {
    count(copied_line_, depth);
    auto copy = std::make_shared<ConfigNode>(node);
    for (Pointer& item : copy->items) item = copy_of(*item, depth + 1);
    for (auto& [key, value] : copy->entries) value = copy_of(*value, depth + 1);
    return copy;
  }

  void open(Kind kind, int line, const std::string& tag, YAML::anchor_t anchor) {
    if (tag != "?" && !tag.empty()) refuse_tag(tag, line);
    Pointer node = make(kind, line);
    add(node, YAML::NullAnchor);
    open_.push_back({std::move(node), anchor});
  }
  void close() {
    if (open_.back().anchor != YAML::NullAnchor) anchors_[open_.back().anchor] = open_.back().node;
    open_.pop_back();
  }

  /// Puts a value, or the key of the next one, where it belongs.
  void add(Pointer node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (open_.empty()) {
      count(node->line, 0);
      root_ = std::move(node);
    } else if (open_.back().node->kind == Kind::sequence) {
      count(node->line, open_.size());
      open_.back().node->items.push_back(std::move(node));
    } else if (!open_.back().awaits_value) {
      add_key(*open_.back().node, *node);
      open_.back().awaits_value = true;
    } else {
      count(node->line, open_.size());
      node->line = key_line_of(*open_.back().node);
      open_.back().node->entries.back().second = std::move(node);
      open_.back().awaits_value = false;
    }
  }
  void add_key(ConfigNode& map, const ConfigNode& key) {
    if (key.kind != Kind::scalar) refuse(source_, key.line, "a key must be plain text");
    const std::string& name = key.scalar;
    if (name == "<<")
      refuse(source_, key.line, "<<: merge keys are not supported; write the keys out");
    if (const auto first = map.find(name))
      refuse(source_, key.line,
             fmt::format("{}: repeated key, first given in line {}", quotable(name), first->line));
    map.entries.emplace_back(name, make(Kind::null, key.line));
  }
  static int key_line_of(const ConfigNode& map) { return map.entries.back().second->line; }

  [[noreturn]] void refuse_tag(const std::string& tag, int line) const {
    refuse(
        source_, line,
        fmt::format("the tag '{}' is not supported; accepted: values without tags", quotable(tag)));
  }

  std::string source_;
  Pointer root_;
  std::vector<Open> open_;  // the lists and mappings around the next value
  std::map<YAML::anchor_t, Pointer> anchors_;
  int count_ = 0, copied_line_ = 0;
};

/// Where a document begins, if there is one.
class DocumentFinder final : public YAML::EventHandler {
 public:
  struct Found {
    int line;
  };
  void OnDocumentStart(const YAML::Mark& mark) override { throw Found{mark.line + 1}; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapEnd() override {}
};

/// yaml-cpp takes what it cannot begin a value with, such as a comma, for an empty document that
/// ends before it, again and again: after the first document all that counts is whether anything
/// follows.
void refuse_second_document(YAML::Parser& parser, const std::string& source) {
  DocumentFinder finder;
  try {
    parser.HandleNextDocument(finder);
  } catch (const DocumentFinder::Found& found) {
    refuse(source, found.line,
           "the document has ended, but more follows; accepted: exactly one YAML document");
  }
}

/// A lone \r is a line end to yaml-cpp, but to no one who counts lines.
void check_line_ends(const std::string& text, const std::string& source) {
  int line = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ++line;
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'))
      refuse(source, line, "found \\r without \\n; accepted: line ends \\n or \\r\\n");
  }
}

/// Refuses what yaml-cpp would decode as UTF-16, replace or stop at.
void check_bytes(const std::string& text, const std::string& source) {
  if (text.size() > most_yaml_bytes)
    throw_error<ConfigError>("{}: {} bytes; accepted: at most {}", source, text.size(),
                             most_yaml_bytes);
  const auto bad = first_unprintable(text);
  if (!bad) return check_line_ends(text, source);
  const auto place = static_cast<std::ptrdiff_t>(bad->data() - text.data());
  const auto line = std::count(text.begin(), text.begin() + place, '\n') + 1;
  refuse(source, static_cast<int>(line),
         fmt::format("not text: found {}; accepted: UTF-8 without control characters",
                     printable(*bad)));
}

/// The first word of a line that lacks a space after its ':', such as "name:a"; empty: none does.
std::string without_space(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t-");
  if (begin == std::string::npos) return "";
  const std::string word = line.substr(begin, line.find_first_of(" \t,{}[]#", begin) - begin);
  const size_t colon = word.find(':');
  const bool is_key = colon != std::string::npos && colon > 0 && colon + 1 < word.size() &&
                      word[colon + 1] != ':' && word[colon + 1] != '/' && word[0] != '"' &&
                      word[0] != '\'';
  return is_key ? word : "";
}

/// What is probably wrong where yaml-cpp refuses a line: a tab, a missing space, an indentation.
std::string likely_mistake(const std::string& text, int line, const std::string& message) {
  std::vector<std::string> lines{""};
  std::istringstream in(text);
  for (std::string each; std::getline(in, each);) lines.push_back(each);
  for (int at : {line, line - 1}) {
    if (at < 1 || at >= static_cast<int>(lines.size())) continue;
    const std::string& each = lines[static_cast<size_t>(at)];
    if (each.substr(0, each.find_first_not_of(" \t")).find('\t') != std::string::npos)
      return fmt::format("line {} is indented with a tab; accepted: spaces", at);
    if (const std::string word = without_space(each); !word.empty())
      return fmt::format("a space is missing after the ':' of '{}' in line {}", quotable(word), at);
  }
  return message == "illegal map value"
             ? "the line has a key where none can be; is it indented as the keys beside it?"
             : "";
}

}  // namespace

Pointer parse_yaml(const std::string& text, const std::string& source) {
  check_bytes(text, source);
  std::istringstream in(text);
  try {
    YAML::Parser parser(in);
    TreeBuilder builder(source);
    if (parser.HandleNextDocument(builder)) refuse_second_document(parser, source);
    return builder.root();
  } catch (const YAML::DeepRecursion& e) {
    refuse(source, e.mark.line + 1, fmt::format("nested deeper than {} levels", deepest));
  } catch (const YAML::Exception& e) {
    const std::string mistake = likely_mistake(text, e.mark.line + 1, e.msg);
    refuse(source, e.mark.line + 1,
           fmt::format("not valid YAML: {}{}", quotable(e.msg),
                       mistake.empty() ? "" : "; " + mistake));
  }
}

}  // namespace quantdyn
