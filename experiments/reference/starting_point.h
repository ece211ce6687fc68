// A first YAML file to write on: what `quantdyn new` prints.
#pragma once

#include <string>

namespace quantdyn {

/// An "experiment" or a "network" that runs as it is, with all further keys as comments: their
/// defaults and meaning.
std::string starting_point(const std::string& file);

}  // namespace quantdyn
