// Reading YAML strictly: every key is read by someone, and every error names file, line and key.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/error.h"

namespace quantdyn {

/// What a number may be; `text()` goes into errors: "from 2 to 16", "over 0".
template <typename T>
struct Accepted {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
  bool low_excluded = false;
  bool high_excluded = false;

  bool contains(T value) const {  // false for NaN
    return (low_excluded ? value > low : value >= low) &&
           (high_excluded ? value < high : value <= high);
  }
  std::string text() const;
};

/// What Options accepts for a number.
namespace accept {
template <typename T>
Accepted<T> any() {
  return {};
}
template <typename T>
Accepted<T> at_least(T low) {
  return {.low = low};
}
template <typename T>
Accepted<T> over(T low) {
  return {.low = low, .low_excluded = true};
}
template <typename T>
Accepted<T> between(T low, T high) {
  return {.low = low, .high = high};
}
}  // namespace accept

/// A key of a mapping, as `quantdyn list` prints it.
struct OptionDescription {
  std::string key, type, default_value, accepted, help;
  Accepted<double> bounds = {};           ///< of numbers
  std::vector<std::string> choices = {};  ///< of a text that is one of them

  /// Whether the value chooses a plugin, or several of them.
  bool is_plugin() const { return type.ends_with("`name`"); }
};

struct ConfigNode;  // one value of the document (options.cpp)

/// One mapping of a YAML document and the right to read it.
///
/// A factory reads all of its keys, calls finish() and only then acts: finish() refuses keys that
/// nobody read and, while `quantdyn list` describes a plugin, ends the factory.
/// All errors are ConfigError: "file:line: key: what was wrong, what was found, what is accepted".
class Options {
 public:
  /// In place of a default: the key must be given.
  static constexpr std::nullopt_t required = std::nullopt;

  /// Parses a file and applies `--set` arguments ("train.epochs=3", "variants.0.name=a").
  static Options from_file(const std::filesystem::path& file,
                           std::span<const std::string> sets = {});
  /// Parses text; `name` stands for the file in errors, relative paths start at `directory`.
  static Options from_text(std::string_view yaml, std::string name,
                           std::filesystem::path directory = {},
                           std::span<const std::string> sets = {});

  /// A document that was parsed elsewhere, such as a Keras model's JSON; errors name the place that
  /// each value carries. ConfigError if it is not a mapping.
  static Options from_tree(std::shared_ptr<ConfigNode> root);

  /// Whether the key is present (which does not count as reading it).
  bool has(const std::string& key) const;
  int64_t integer(const std::string& key, std::optional<int64_t> fallback,
                  const Accepted<int64_t>& accepted, std::string_view help) const;
  double number(const std::string& key, std::optional<double> fallback,
                const Accepted<double>& accepted, std::string_view help) const;
  bool flag(const std::string& key, std::optional<bool> fallback, std::string_view help) const;
  std::string text(const std::string& key, std::optional<std::string> fallback,
                   std::string_view help) const;
  /// One of `accepted`.
  std::string choice(const std::string& key, std::optional<std::string> fallback,
                     std::span<const std::string> accepted, std::string_view help) const;
  /// One of an enum's values by its name: choice("rounding", Rounding::even, {{"even",
  /// Rounding::even}, ...}, "...").
  template <typename Enum>
  requires std::is_enum_v<Enum> Enum
  choice(const std::string& key, std::optional<Enum> fallback,
         std::initializer_list<std::pair<const char*, Enum>> accepted, std::string_view help)
  const {
    std::vector<std::string> names;
    std::optional<std::string> fallback_name;
    for (const auto& [name, value] : accepted) {
      names.emplace_back(name);
      if (fallback && *fallback == value) fallback_name = name;
    }
    const std::string chosen = choice(key, fallback_name, names, help);
    for (const auto& [name, value] : accepted)
      if (chosen == name) return value;
    return accepted.begin()->second;  // only while describing a required choice
  }
  /// A list of numbers; a lone number counts as a list of one.
  std::vector<int64_t> integers(const std::string& key,
                                std::optional<std::vector<int64_t>> fallback,
                                const Accepted<int64_t>& accepted, std::string_view help) const;
  std::vector<double> numbers(const std::string& key, std::optional<std::vector<double>> fallback,
                              const Accepted<double>& accepted, std::string_view help) const;
  std::vector<std::string> texts(const std::string& key,
                                 std::optional<std::vector<std::string>> fallback,
                                 std::string_view help) const;
  /// A path, made absolute relative to the YAML file's folder; not checked for existence.
  std::filesystem::path path(const std::string& key, std::optional<std::string> fallback,
                             std::string_view help) const;
  /// Several of them; none where the key is absent.
  std::vector<std::filesystem::path> paths(const std::string& key, std::string_view help) const;
  /// A nested mapping; an empty one where the key is absent.
  Options section(const std::string& key, std::string_view help) const;
  /// A nested mapping whose presence matters, even when it is empty.
  std::optional<Options> section_if(const std::string& key, std::string_view help) const;
  /// The entries of a sequence of mappings; none where the key is absent.
  std::vector<Options> list(const std::string& key, std::string_view help) const;
  /// A plugin choice: a bare name, or a mapping with the key `name`; `fallback` is a name.
  Options plugin(const std::string& key, std::optional<std::string> fallback,
                 std::string_view help) const;
  /// Several of them; `fallback` are names.
  std::vector<Options> plugins(const std::string& key, const std::vector<std::string>& fallback,
                               std::string_view help) const;
  /// The plugin's name, in a mapping that plugin() or plugins() returned.
  std::string plugin_name() const;

  /// All keys with their values as YAML in one line; they count as read.
  std::vector<std::pair<std::string, std::string>> entries() const;
  /// The keys of this mapping, in the document's order.
  std::vector<std::string> keys() const;
  /// For a key that was read but has no effect here: refuses it if it was given ("...; leave it
  /// out"), otherwise removes its default from the resolved document.
  void leave_out(const std::string& key, std::string_view why) const;
  /// Refuses keys that nobody read, naming those that are accepted. Ends a describing factory.
  void finish() const;
  /// Throws ConfigError at the key's place (at this mapping's own for an empty or absent key).
  [[noreturn]] void refuse(const std::string& key, std::string_view message) const;
  /// "file:line" of a key, or of this mapping.
  std::string where(const std::string& key = {}) const;

  /// The document byte for byte as given (root only), and with every default that was read
  /// written out.
  const std::string& raw_yaml() const;
  std::string resolved_yaml() const;
  /// The latter in one line: "{name: affine, bit_width: 8}".
  std::string inline_yaml() const;

  /// Replaces every scalar "$name" below here by the named parameter's value (networks'
  /// parameters).
  void substitute(const Options& parameters) const;
  /// Copies keys that `defaults` has and this mapping lacks.
  void inherit(const Options& defaults) const;
  /// A copy of this mapping with `over` laid over it: the keys of `over` replace those here,
  /// mappings are merged key by key; a plugin with another name replaces the whole. The keys of
  /// `over` count as read there: finish() of the copy sees those that nobody reads.
  Options under(const Options& over) const;
  /// A new mapping at this place of the document: `entries` ("channels", "64"; values are YAML),
  /// and those of `passed_on` that this mapping has, which count as read here.
  Options derive(const std::vector<std::pair<std::string, std::string>>& entries,
                 const std::vector<std::string>& passed_on = {}) const;

  /// Options that record what is asked of them instead of answering; finish() throws
  /// DescriptionDone.
  static Options describing(std::vector<OptionDescription>& into);
  struct DescriptionDone {};

 private:
  struct Document;
  Options(std::shared_ptr<Document> document, std::shared_ptr<ConfigNode> node);
  std::shared_ptr<ConfigNode> find(const std::string& key, bool is_required,
                                   const OptionDescription& about) const;

  std::shared_ptr<Document> document_;
  std::shared_ptr<ConfigNode> node_;
};

}  // namespace quantdyn
