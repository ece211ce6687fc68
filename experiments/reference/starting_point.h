// A first YAML file to write on: what `quantdyn new` prints.
#pragma once

#include <string>

namespace quantdyn {

/// An "experiment" or a "network" that is whole as it is. Comments say what else there is: keys
/// with their defaults, sections and kinds of nodes with where to read on.
std::string starting_point(const std::string& file);

}  // namespace quantdyn
