// `quantdyn inspect NETWORK.yaml`: the layers of a net with shapes, parameters and
// multiply-accumulates.
#pragma once

#include <filesystem>
#include <string>

#include "framework/network.h"

namespace quantdyn {

/// A row a unit and the totals.
std::string network_table(const Network& network);

/// Trained parameters and multiply-accumulates of the nodes of one unit.
struct UnitCost {
  int64_t parameters, multiply_accumulates;
};
UnitCost cost_of(const Network& network, int unit);
/// Names of the units whose outputs a unit reads, "a, b".
std::string inputs_of(const Network& network, int unit);

}  // namespace quantdyn
