#include "experiments/reference/reference_text.h"

#include <algorithm>
#include <sstream>

#include "experiments/reference/reference.h"
#include "experiments/text/nearest_words.h"
#include "experiments/text/table.h"

namespace quantdyn {
namespace {

std::string indented(const std::string& lines) {
  std::string out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) out += "      " + line + "\n";
  return out;
}

std::string text_of(const Described& one) {
  std::string name = one.name.empty() ? "(the file)" : one.name;
  std::string out = fmt::format("  {}: {}\n", name, one.summary);
  std::vector<std::vector<std::string>> rows{{"option", "type", "default", "accepted", "meaning"}};
  for (const OptionDescription& o : one.options)
    rows.push_back({o.key, o.type, o.default_value, o.accepted, o.help});
  if (one.takes_any) rows.push_back({"...", "", "", "", "further keys of any name"});
  return rows.size() == 1 ? out : out + indented(format_table(rows));
}

/// "equalize" of "variants.repairs.equalize".
std::string last_word(const std::string& place) { return place.substr(place.rfind('.') + 1); }

bool is_called(const Described& one, const std::string& name) {
  return one.kind == name || one.name == name || last_word(one.name) == name;
}

bool has_word(const Described& one, const std::string& word) {
  return std::ranges::any_of(one.options, [&](const OptionDescription& o) {
    return o.key == word || std::ranges::find(o.choices, word) != o.choices.end();
  });
}

}  // namespace

std::string reference_text(const std::string& only) {
  const std::vector<Described> all = reference();
  const bool names_some = std::ranges::any_of(
      all, [&](const Described& one) { return only.empty() || is_called(one, only); });
  std::string out, kind;
  for (const Described& one : all) {
    if (!only.empty() && !(names_some ? is_called(one, only) : has_word(one, only))) continue;
    if (one.kind != kind) out += (out.empty() ? "" : "\n") + one.kind + "\n";
    kind = one.kind;
    out += text_of(one);
  }
  if (!out.empty()) return out + "\n";
  std::vector<std::string> names;
  for (const Described& described : all) {
    names.insert(names.end(), {described.kind, last_word(described.name)});
    for (const OptionDescription& option : described.options) names.push_back(option.key);
  }
  const std::string near = nearest_words(only, names);
  throw_error<ConfigError>("nothing is called '{}'{}; `quantdyn list` prints all", only,
                           near.empty() ? "" : "; the nearest: " + near);
}

}  // namespace quantdyn
