// What somebody who mistyped a word may have meant.
#pragma once

#include <span>
#include <string>

namespace quantdyn {

/// The words of `known` that take the fewest changes of a character to become `word` (Levenshtein
/// 1966), joined by ", "; empty where none is near: a third of its length, or two changes, but at
/// most half of it.
std::string nearest_words(const std::string& word, std::span<const std::string> known);

}  // namespace quantdyn
