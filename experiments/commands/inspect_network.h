// `quantdyn inspect NETWORK.yaml`: the layers of a net with shapes, parameters and
// multiply-accumulates.
#pragma once

#include <filesystem>
#include <string>

#include "framework/graph/network.h"

namespace quantdyn {

/// One row per unit, and the totals.
std::string network_table(const Network& network);

}  // namespace quantdyn
