// Which units of a net an entry of the YAML selects: by name, pattern, position or kind.
#pragma once

#include <vector>

#include "framework/graph/network.h"

namespace quantdyn {

/// Reads `nodes` (names, patterns such as "sep*_dw", and `first` and `last`: the first and the last
/// unit with a weight) and `kinds` ("depthwise", "dense", ...). If both are given, a unit must
/// match both; if neither is, none is selected. ConfigError if one of them matches no unit; with
/// `may_lack` a kind that other nets have may match none, so that no unit may be selected.
std::vector<int> select_units(const Options& entry, const Network& network, bool may_lack = false);

/// The units with a weight, in order.
std::vector<int> units_with_weight(const Network& network);

}  // namespace quantdyn
