// Which members of a sweep a command line means: "3", "dws-seed0", "3-5", "1,4-6,dws-seed0".
#pragma once

#include <string>
#include <vector>

namespace quantdyn {

/// The places in `names`, ascending and each once, of what `choice` lists: numbers from 1, ranges
/// of them, and names, separated by commas. A name goes before a number or range that it could
/// also be. ConfigError, which says what is accepted: none of these, a number or name that is not
/// there, an empty word.
std::vector<size_t> chosen_members(const std::string& choice,
                                   const std::vector<std::string>& names);

}  // namespace quantdyn
