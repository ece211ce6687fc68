#include "experiments/reference/json_schema.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Json = nlohmann::ordered_json;

Json reference_to(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/definitions/" + (name.empty() ? kind : kind + "." + name)}};
}

Json any_of(std::vector<Json> schemas) { return {{"anyOf", std::move(schemas)}}; }

/// A scalar that is read as a text: YAML may take it for a number.
Json text() { return {{"type", Json::array({"string", "number", "boolean"})}}; }

/// One, or a list of them.
Json one_or_more(const Json& one) { return any_of({one, {{"type", "array"}, {"items", one}}}); }

Json number(const OptionDescription& option, const char* type) {
  using Limits = std::numeric_limits<double>;
  Json out{{"type", type}};
  const Accepted<double>& bounds = option.bounds;
  if (bounds.low > Limits::lowest())
    out[bounds.low_excluded ? "exclusiveMinimum" : "minimum"] = bounds.low;
  if (bounds.high < Limits::max())
    out[bounds.high_excluded ? "exclusiveMaximum" : "maximum"] = bounds.high;
  return out;
}

class Schema {
 public:
  Schema(const std::vector<Described>& all, std::string file) : all_(all), file_(std::move(file)) {}

  Json document() {
    for (const Described& one : all_)
      if (one.kind == file_ || (file_ == "network" && one.kind == "macro"))
        definitions_[one.name.empty() ? one.kind : one.kind + "." + one.name] = mapping(one);
    if (file_ == "network") definitions_["network"]["properties"]["nodes"] = nodes();
    for (std::string kind = next_kind(); !kind.empty(); kind = next_kind()) add_plugins(kind);
    // Draft 7 ignores what stands beside a $ref.
    Json top{{"$schema", "http://json-schema.org/draft-07/schema#"},
             {"title", "quantdyn " + file_},
             {"allOf", Json::array({reference_to(file_, "")})}};
    top["definitions"] = definitions_;
    return top;
  }

 private:
  Json nodes() {
    Json kinds = Json::object();
    for (const Described& one : all_) {
      if (one.kind != "macro" && one.kind != "layer") continue;
      Json node = mapping(one);
      for (const char* key : {"name", "inputs"})
        if (!node["properties"].contains(key))
          node["properties"][key] = std::string(key) == "name" ? text() : one_or_more(text());
      node["required"] = Json::array({"name"});
      kinds[one.name] = node;
    }
    return {{"type", "array"},
            {"items",
             {{"type", "object"},
              {"properties", kinds},
              {"minProperties", 1},
              {"maxProperties", 1},
              {"additionalProperties", false}}}};
  }

  Json mapping(const Described& one) {
    Json properties = Json::object();
    for (const OptionDescription& option : one.options)
      properties[option.key] = described(one, option);
    Json out{{"type", Json::array({"object", "null"})}, {"properties", properties}};
    if (!one.summary.empty()) out["description"] = one.summary;
    if (!one.takes_any) out["additionalProperties"] = false;
    return out;
  }

  Json described(const Described& one, const OptionDescription& option) {
    Json value = value_of(one, option);
    if (file_ == "network") value = any_of({value, {{"type", "string"}, {"pattern", "^\\$"}}});
    Json out{{"description", option.help}, {"allOf", Json::array({value})}};
    if (option.default_value != "required" && !option.default_value.empty())
      out["description"] = fmt::format("{} (default: {})", option.help, option.default_value);
    return out;
  }

  Json value_of(const Described& one, const OptionDescription& option) {
    if (option.is_plugin()) {
      const Json plugin = plugin_of(one, option);
      return option.type.starts_with("a list") ? one_or_more(plugin) : plugin;
    }
    const std::string& type = option.type;
    if (type == "a whole number") return number(option, "integer");
    if (type == "a number") return number(option, "number");
    if (type == "whole numbers") return one_or_more(number(option, "integer"));
    if (type == "numbers") return one_or_more(number(option, "number"));
    if (type == "true or false") return {{"type", "boolean"}};
    if (type == "one of") return {{"enum", option.choices}};
    if (type == "text") return text();
    if (type == "a list of texts" || type == "a list of paths") return one_or_more(text());
    const std::string place = place_below(one.name, option.key);
    const bool is_known = find_described(all_, one.kind, place) != nullptr;
    const Json below =
        is_known ? reference_to(one.kind, place) : Json{{"type", Json::array({"object", "null"})}};
    const Json list{{"type", "array"},
                    {"items", place == "sweep" ? Json{{"type", "object"}} : below}};
    if (type == "a mapping") return below;
    if (type == "a list of mappings") return place == "sweep" ? any_of({list, below}) : list;
    throw_error<Error>("json_schema: no type '{}', of {}", type, place);
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
    if (!words.empty()) out.push_back({{"enum", words}});
    if (one.name.starts_with("variants.overrides"))
      out.push_back({{"type", "object"}, {"not", {{"required", Json::array({"name"})}}}});
    return out.size() == 1 ? out[0] : any_of(out);
  }

  std::string next_kind() const {
    for (const std::string& kind : kinds_)
      if (!definitions_.contains(kind)) return kind;
    return "";
  }

  void add_plugins(const std::string& kind) {
    Json names = Json::array(), mappings = Json::array();
    definitions_[kind] = nullptr;
    for (const Described& one : all_) {
      if (one.kind != kind) continue;
      names.push_back(one.name);
      Json plugin = mapping(one);
      plugin["type"] = "object";
      plugin["properties"]["name"] = {{"const", one.name}};
      plugin["required"] = Json::array({"name"});
      definitions_[kind + "." + one.name] = plugin;
      mappings.push_back({{"if", {{"properties", {{"name", {{"const", one.name}}}}}}},
                          {"then", reference_to(kind, one.name)}});
    }
    definitions_[kind] = {{"if", {{"type", "object"}}},
                          {"then",
                           {{"required", Json::array({"name"})},
                            {"properties", {{"name", {{"enum", names}}}}},
                            {"allOf", mappings}}},
                          {"else", {{"enum", names}}}};
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
