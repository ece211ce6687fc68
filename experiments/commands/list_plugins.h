// `quantdyn list`: every registered plugin with its options, their defaults and what they accept.
#pragma once

#include <string>

namespace quantdyn {

/// `only` limits the list to one kind ("optimizer") or one plugin ("sgd"); empty: all. ConfigError
/// if nothing matches.
std::string list_plugins(const std::string& only);

}  // namespace quantdyn
