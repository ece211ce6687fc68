// Names that both Keras and quantdyn accept.
#pragma once

#include <set>
#include <string>

namespace quantdyn {

/// Gives out names that differ from each other.
class UniqueNames {
 public:
  /// `wanted` with '_' for all but letters, digits, '-' and '_', after "layer" where it would not
  /// begin with a letter or a digit; where that is taken, with _2, _3 ... after it.
  std::string make(const std::string& wanted);

 private:
  std::set<std::string> taken_;
};

}  // namespace quantdyn
