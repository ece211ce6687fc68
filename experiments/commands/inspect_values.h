// `quantdyn inspect --csv` and `--json`: the numbers of a result or a net, a row each.
#pragma once

#include "experiments/results/result_reader.h"
#include "experiments/results/snapshot_choice.h"
#include "experiments/text/flat_table.h"
#include "framework/graph/network.h"

namespace quantdyn {

/// A row a snapshot x array of /networkwise, and a row a snapshot x layer x array of /layerwise,
/// without arrays of a further axis and without values that are missing. Of the chosen snapshot, or
/// of the last one of every variant. Error and ConfigError as ResultReader and chosen_snapshot().
FlatTable values_of(const ResultReader& result, const SnapshotChoice& choice);

/// A row a unit: what network_table() shows.
FlatTable units_of(const Network& network);

}  // namespace quantdyn
