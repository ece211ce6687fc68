#include "experiments/sweep/member_choice.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

/// The place of the number `text`, or no place of `count`.
size_t place_of(const std::string& text, size_t count) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_place =
      error == std::errc() && end == text.data() + text.size() && number >= 1 && number <= count;
  return is_place ? number - 1 : count;
}

}  // namespace

std::vector<size_t> chosen_members(const std::string& choice,
                                   const std::vector<std::string>& names) {
  std::set<size_t> out;
  for (size_t begin = 0; begin <= choice.size();) {
    const size_t comma = std::min(choice.find(',', begin), choice.size());
    const std::string word = choice.substr(begin, comma - begin);
    begin = comma + 1;
    const auto named = std::ranges::find(names, word);
    if (named != names.end()) {
      out.insert(static_cast<size_t>(named - names.begin()));
      continue;
    }
    const size_t dash = word.find('-');
    const size_t first = place_of(word.substr(0, dash), names.size());
    const size_t last =
        dash == std::string::npos ? first : place_of(word.substr(dash + 1), names.size());
    if (first == names.size() || last == names.size() || last < first)
      throw_error<ConfigError>(
          "--member {}: '{}' is no member; accepted: a number from 1 to {}, a range as in 2-3, a "
          "name that `quantdyn sweep list` prints, or several of these with commas",
          quotable(choice), quotable(word), names.size());
    for (size_t i = first; i <= last; ++i) out.insert(i);
  }
  return {out.begin(), out.end()};
}

}  // namespace quantdyn
