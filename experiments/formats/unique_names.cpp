#include "experiments/formats/unique_names.h"

#include "framework/base/error.h"

namespace quantdyn {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string UniqueNames::make(const std::string& wanted) {
  std::string name = wanted;
  for (char& c : name)
    if (!is_letter_or_digit(c) && c != '-') c = '_';
  if (name.empty() || !is_letter_or_digit(name[0])) name.insert(0, "layer");
  std::string out = name;
  for (int i = 2; !taken_.insert(out).second; ++i) out = fmt::format("{}_{}", name, i);
  return out;
}

}  // namespace quantdyn
