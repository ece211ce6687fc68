#include "experiments/keras/json.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Json = nlohmann::json;
using Kind = ConfigNode::Kind;

constexpr size_t deepest = 100;

/// Takes the parser's events; the member functions have the names and types that it asks for.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit TreeBuilder(std::string source) : source_(std::move(source)) {}

  ConfigNode::Pointer root() { return root_; }

  bool null() override { return add(Kind::null, "", false); }
  bool boolean(bool value) override { return add(Kind::scalar, value ? "true" : "false", false); }
  bool number_integer(number_integer_t value) override {
    return add(Kind::scalar, std::to_string(value), false);
  }
  bool number_unsigned(number_unsigned_t value) override {
    return add(Kind::scalar, std::to_string(value), false);
  }
  bool number_float(number_float_t, const string_t& text) override {
    return add(Kind::scalar, text, false);
  }
  bool string(string_t& text) override { return add(Kind::scalar, text, true); }
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool start_object(size_t) override { return add(Kind::map, "", false); }
  bool start_array(size_t) override { return add(Kind::sequence, "", false); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->find(name))
      throw_error<ConfigError>("{}: the JSON text has the key '{}' twice in one object", source_,
                               name);
    open_.back()->entries.emplace_back(name, nullptr);
    return true;
  }
  bool end_object() override {
    open_.back()->erase_entries(
        [](const std::string&, const ConfigNode& value) { return value.kind == Kind::null; });
    return close();
  }
  bool parse_error(size_t byte, const std::string& near, const Json::exception&) override {
    constexpr size_t shown = 40;  // in a broken text the last token may be the whole text
    throw_error<ConfigError>("{}: not valid JSON at byte {}, near '{}'", source_, byte,
                             near.size() > shown ? near.substr(near.size() - shown) : near);
  }

 private:
  bool add(Kind kind, const std::string& scalar, bool quoted) {
    auto node = std::make_shared<ConfigNode>();
    node->kind = kind;
    node->scalar = scalar;
    node->quoted = quoted;
    node->source = source_;
    if (open_.empty())
      root_ = node;
    else if (open_.back()->kind == Kind::map)
      open_.back()->entries.back().second = node;
    else
      open_.back()->items.push_back(node);
    if (kind == Kind::map || kind == Kind::sequence) open_.push_back(std::move(node));
    if (open_.size() > deepest)
      throw_error<ConfigError>("{}: the JSON text is nested deeper than {} levels", source_,
                               deepest);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string source_;
  ConfigNode::Pointer root_;
  std::vector<ConfigNode::Pointer> open_;  // the objects and arrays around the next value
};

}  // namespace

ConfigNode::Pointer parse_json(const std::string& text, const std::string& source) {
  constexpr size_t most_bytes = size_t{16} << 20;
  if (text.size() > most_bytes)
    throw_error<ConfigError>("{}: the JSON text has {} bytes; accepted: at most {}", source,
                             text.size(), most_bytes);
  TreeBuilder builder(source);
  Json::sax_parse(text, &builder);
  return builder.root();
}

}  // namespace quantdyn
