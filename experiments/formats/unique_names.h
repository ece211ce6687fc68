// Unique names that quantdyn and foreign formats accept.
#pragma once

#include <set>
#include <string>

namespace quantdyn {

/// Gives out unique names.
class UniqueNames {
 public:
  /// `wanted` with '_' for every character except letters, digits, '-' and '_'; with "layer" in
  /// front if it does not start with a letter or a digit; with _2, _3 ... at the end if it is
  /// taken.
  std::string make(const std::string& wanted);

 private:
  std::set<std::string> taken_;
};

}  // namespace quantdyn
