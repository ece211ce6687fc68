// Words of a shell command.
#pragma once

#include <string>

namespace quantdyn {

/// A word of a shell command, in quotes where it needs them.
std::string shell_word(const std::string& word);

}  // namespace quantdyn
