#include "experiments/text/shell_word.h"

namespace quantdyn {

std::string shell_word(const std::string& word) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./,:@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out(1, '\'');
  for (const char c : word)
    if (c == '\'')
      out.append("'\\''");
    else
      out.push_back(c);
  out.push_back('\'');
  return out;
}

}  // namespace quantdyn
