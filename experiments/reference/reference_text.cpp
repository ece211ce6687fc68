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

using Rows = std::vector<std::vector<std::string>>;

/// Cuts the last column into lines, so that the table has at most `columns` if its others leave
/// room; a row then has further ones below it, which are empty but for that column.
Rows cut(const Rows& rows, size_t columns) {
  constexpr size_t least = 24;
  const size_t last = rows[0].size() - 1;
  size_t others = 0;
  for (size_t c = 0; c < last; ++c) {
    size_t width = 0;
    for (const auto& row : rows) width = std::max(width, places(row[c]));
    others += width + 2;
  }
  const size_t room = columns > others + least ? columns - others : least;
  Rows out;
  for (const auto& row : rows) {
    out.push_back(row);
    out.back()[last].clear();
    std::istringstream words(row[last]);
    for (std::string word; words >> word;) {
      if (!out.back()[last].empty() && places(out.back()[last]) + 1 + places(word) > room)
        out.emplace_back(row.size());
      std::string& line = out.back()[last];
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return out;
}

std::string text_of(const Described& one, size_t columns) {
  std::string name = one.name.empty() ? "(the file)" : one.name;
  std::string out = fmt::format("  {}: {}\n", name, one.summary);
  Rows rows{{"option", "type", "default", "accepted", "meaning"}};
  for (const OptionDescription& o : one.options)
    rows.push_back({o.key, o.type, o.default_value, o.accepted, o.help});
  if (one.takes_any) rows.push_back({"...", "", "", "", "further keys of any name"});
  if (rows.size() == 1) return out;
  constexpr size_t indent = 6;
  if (columns > indent) rows = cut(rows, columns - indent);
  return out + indented(format_table(rows));
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

std::string reference_text(const std::string& only, size_t columns) {
  const std::vector<Described> all = reference();
  const bool names_some = std::ranges::any_of(
      all, [&](const Described& one) { return only.empty() || is_called(one, only); });
  std::string out, kind;
  for (const Described& one : all) {
    if (!only.empty() && !(names_some ? is_called(one, only) : has_word(one, only))) continue;
    if (one.kind != kind) out += (out.empty() ? "" : "\n") + one.kind + "\n";
    kind = one.kind;
    out += text_of(one, columns);
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
