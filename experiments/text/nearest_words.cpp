#include "experiments/text/nearest_words.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

size_t changes_between(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_words(const std::string& word, std::span<const std::string> known) {
  std::vector<std::string> out;
  size_t fewest = std::min(std::max<size_t>(2, word.size() / 3), word.size() / 2);
  for (const std::string& candidate : known) {
    const size_t changes = changes_between(word, candidate);
    if (candidate.empty() || changes > fewest) continue;
    if (changes < fewest) out.clear();
    fewest = changes;
    if (std::ranges::find(out, candidate) == out.end()) out.push_back(candidate);
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

}  // namespace quantdyn
