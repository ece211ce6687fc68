// The reference as a JSON Schema, which editors check and complete YAML files with.
#pragma once

#include <string>
#include <vector>

#include "experiments/reference/reference.h"

namespace quantdyn {

/// The schema (draft 7) of an "experiment" or a "network" file. It knows keys, types, ranges and
/// plugins. Only nodes and plugins need a key, their `name`: others may come from a sweep or from
/// `--set`. What depends on other keys is left to the program.
std::string json_schema(const std::vector<Described>& all, const std::string& file);

}  // namespace quantdyn
