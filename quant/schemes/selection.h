// Which units of a net an entry of the YAML means: by name, pattern, position or kind.
#pragma once

#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// Reads `nodes` (names, patterns such as "sep*_dw", and `first` and `last`: the first and the last
/// unit that has a weight) and `kinds` ("depthwise", "dense", ...). Where both are given a unit
/// must be in both; none where neither is given. ConfigError where one of them means no unit.
std::vector<int> select_units(const Options& entry, const Network& network);

/// The units that have a weight, in order.
std::vector<int> units_with_weight(const Network& network);

}  // namespace quantdyn
