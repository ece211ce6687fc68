#include "experiments/reference/json_schema.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/error.h"
#include "framework/graph/layer.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;

Json reference_to(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/definitions/" + (name.empty() ? kind : kind + "." + name)}};
}

Json any_of(std::vector<Json> schemas) {
  return schemas.size() == 1 ? schemas[0] : Json{{"anyOf", std::move(schemas)}};
}

Json types(std::vector<std::string> names) { return {{"type", std::move(names)}}; }

Json list_of(const Json& one) { return {{"type", "array"}, {"items", one}}; }

Json with_name(const Json& name) {
  return {
      {"type", "object"}, {"properties", {{"name", name}}}, {"required", Json::array({"name"})}};
}

class Schema {
 public:
  Schema(const std::vector<Described>& all, std::string file) : all_(all), file_(std::move(file)) {}

  Json document() {
    for (const Described& one : all_)
      if (one.kind == file_ || (is_network() && one.kind == "macro"))
        definitions_[one.name.empty() ? one.kind : one.kind + "." + one.name] = mapping(one);
    if (is_network()) definitions_["network"]["properties"]["nodes"] = nodes();
    for (std::string kind = next_kind(); !kind.empty(); kind = next_kind()) add_plugins(kind);
    // Draft 7 ignores what stands beside a $ref.
    Json out{{"$schema", "http://json-schema.org/draft-07/schema#"},
             {"title", "quantdyn " + file_},
             {"allOf", Json::array({reference_to(file_, "")})}};
    out["definitions"] = definitions_;
    return out;
  }

 private:
  bool is_network() const { return file_ == "network"; }

  /// In a network file a parameter, "$width", can stand for any value.
  Json value(const Json& schema) const {
    return is_network() ? any_of({schema, {{"type", "string"}, {"pattern", "^\\$"}}}) : schema;
  }

  /// A scalar that is read as a text: YAML may take it for a number.
  Json text() const { return types({"string", "number", "boolean"}); }

  Json one_or_more(const Json& one) const { return any_of({value(one), list_of(value(one))}); }

  Json number(const OptionDescription& option, const char* type) const {
    using Limits = std::numeric_limits<double>;
    Json out{{"type", type}};
    const Accepted<double>& bounds = option.bounds;
    if (bounds.low > Limits::lowest())
      out[bounds.low_excluded ? "exclusiveMinimum" : "minimum"] = bounds.low;
    if (bounds.high < Limits::max())
      out[bounds.high_excluded ? "exclusiveMaximum" : "maximum"] = bounds.high;
    return out;
  }

  Json nodes() {
    Json kinds = Json::object();
    for (const Described& one : all_) {
      if (one.kind != "macro" && one.kind != "layer") continue;
      Json node = mapping(one);
      node["properties"].emplace("name", text());
      node["properties"].emplace("inputs", one_or_more(text()));
      node["required"] = Json::array({"name"});
      kinds[one.name] = value(node);
    }
    return value(list_of({{"type", "object"},
                          {"properties", kinds},
                          {"minProperties", 1},
                          {"maxProperties", 1},
                          {"additionalProperties", false}}));
  }

  Json mapping(const Described& one) {
    Json properties = Json::object();
    for (const OptionDescription& option : one.options)
      properties[option.key] = described(one, option);
    Json out = types({"object", "null"});
    out["properties"] = properties;
    if (!one.summary.empty()) out["description"] = one.summary;
    if (!one.takes_any) out["additionalProperties"] = false;
    return out;
  }

  Json described(const Described& one, const OptionDescription& option) {
    std::string text = option.help;
    if (option.default_value != "required" && !option.default_value.empty())
      text += fmt::format(" (default: {})", option.default_value);
    return {{"description", text}, {"allOf", Json::array({value(value_of(one, option))})}};
  }

  Json value_of(const Described& one, const OptionDescription& option) {
    const std::string& type = option.type;
    if (option.is_plugin()) {
      const Json plugin = plugin_of(one, option);
      return type.starts_with("a list") ? list_of(plugin) : plugin;
    }
    if (type == "a whole number") return number(option, "integer");
    if (type == "a number") return number(option, "number");
    if (type == "whole numbers") return one_or_more(number(option, "integer"));
    if (type == "numbers") return one_or_more(number(option, "number"));
    if (type == "true or false") return {{"type", "boolean"}};
    if (type == "one of") return {{"enum", option.choices}};
    if (type == "text") return text();
    if (type == "a list of texts" || type == "a list of paths") return one_or_more(text());
    if (type == "a mapping") return section(one, option);
    if (type == "a list of mappings") return list_of_sections(one, option);
    throw_error<Error>("json_schema: no type '{}', of {}", type, option.key);
  }

  Json section(const Described& one, const OptionDescription& option) const {
    const std::string place = place_below(one.name, option.key);
    const bool is_known = find_described(all_, one.kind, place) != nullptr;
    const Json below = is_known ? reference_to(one.kind, place) : types({"object", "null"});
    // One whose presence has a meaning must be a mapping.
    if (option.default_value != "left out") return below;
    return {{"allOf", Json::array({Json{{"type", "object"}}, below})}};
  }

  /// `sweep` is a list of mappings with any keys, or a section.
  Json list_of_sections(const Described& one, const OptionDescription& option) const {
    const bool is_sweep = one.kind == "experiment" && place_below(one.name, option.key) == "sweep";
    Json list = list_of(is_sweep ? Json{{"type", "object"}} : section(one, option));
    list["type"] = {"array", "null"};
    return is_sweep ? any_of({list, section(one, option)}) : list;
  }

  /// A name of the kind, or a mapping with it. Further words are accepted in place of a name, and
  /// an override need not repeat the name.
  Json plugin_of(const Described& one, const OptionDescription& option) {
    const std::string kind = plugin_kind(option);
    kinds_.insert(kind);
    std::vector<Json> out{reference_to(kind, "")};
    std::vector<std::string> words;
    if (option.key == "quantizer" || option.key == "activation") words.emplace_back("none");
    if (option.key == "initializer" && one.kind != "experiment") words.emplace_back("network");
    if (!words.empty()) {
      out.push_back({{"enum", words}});
      out.push_back(with_name({{"enum", words}}));
    }
    if (one.name.starts_with("variants.overrides"))
      out.push_back({{"type", "object"}, {"not", {{"required", Json::array({"name"})}}}});
    return any_of(out);
  }

  std::string next_kind() const {
    for (const std::string& kind : kinds_)
      if (!definitions_.contains(kind)) return kind;
    return "";
  }

  bool is_of_kind(const Described& one, const std::string& kind) const {
    if (kind != "activation") return one.kind == kind;
    const std::string names = ", " + activation_names() + ",";
    return one.kind == "layer" && names.find(", " + one.name + ",") != std::string::npos;
  }

  void add_plugins(const std::string& kind) {
    Json names = Json::array(), mappings = Json::array();
    definitions_[kind] = nullptr;
    for (const Described& one : all_) {
      if (!is_of_kind(one, kind)) continue;
      names.push_back(one.name);
      Json plugin = mapping(one);
      plugin["type"] = "object";
      plugin["properties"]["name"] = true;
      definitions_[kind + "." + one.name] = plugin;
      mappings.push_back(
          {{"if", with_name({{"const", one.name}})}, {"then", reference_to(kind, one.name)}});
    }
    Json with_keys = with_name(value({{"enum", names}}));
    with_keys["allOf"] = mappings;
    definitions_[kind] = {
        {"if", {{"type", "object"}}}, {"then", with_keys}, {"else", value({{"enum", names}})}};
  }

  const std::vector<Described>& all_;
  const std::string file_;
  Json definitions_ = Json::object();
  std::set<std::string> kinds_;  // that something refers to
};

}  // namespace

std::string json_schema(const std::vector<Described>& all, const std::string& file) {
  return Schema(all, file).document().dump(2) + "\n";
}

}  // namespace quantdyn
