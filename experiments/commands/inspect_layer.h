// All that a result has of one node at one snapshot: its quantities by tensor, its extreme
// channels.
#pragma once

#include <string>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// A table a tensor with a row a layerwise quantity (those on a short further axis, such as
/// quantiles, have a row an entry; longer ones are named with their sum), and a table a tensor of
/// the channels with the smallest, the median and the largest value of every channelwise quantity.
/// ConfigError: no node of that name.
std::string inspect_layer(const ResultReader& result, const SnapshotLabel& snapshot,
                          const std::string& layer);

/// The tensors of a scope ("layerwise", "channelwise") in the order in which they are computed:
/// weights, their outputs, then whatever else there is by name.
std::vector<std::string> tensors_of(const ResultReader& result, const std::string& scope);

}  // namespace quantdyn
