// What a unit costs and which units it reads: columns of a net's tables.
#pragma once

#include <string>

#include "framework/graph/network.h"

namespace quantdyn {

/// Trained parameters and multiply-accumulates of one unit's nodes.
struct UnitCost {
  int64_t parameters, multiply_accumulates;
};
UnitCost cost_of(const Network& network, int unit);
/// Names of the units whose outputs a unit reads, "a, b".
std::string inputs_of(const Network& network, int unit);

}  // namespace quantdyn
