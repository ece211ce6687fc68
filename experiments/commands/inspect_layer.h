// All that a result has of one node at one snapshot: its quantities by tensor, its extreme
// channels.
#pragma once

#include <string>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// One table per tensor with a row per layerwise quantity (with a row per entry if it has a short
/// further axis, such as quantiles; a longer axis is summed), and one per tensor of the channels
/// with the smallest, the median and the largest value of every channelwise quantity. ConfigError:
/// no node of that name.
std::string inspect_layer(const ResultReader& result, const SnapshotLabel& snapshot,
                          const std::string& layer);

/// The tensors of a scope ("layerwise", "channelwise") in the order in which they are computed:
/// weights, their outputs, then all others by name.
std::vector<std::string> tensors_of(const ResultReader& result, const std::string& scope);

}  // namespace quantdyn
