// Which snapshots the tables of a result show: chosen by number, variant and epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/results/result_reader.h"

namespace quantdyn {

struct SnapshotChoice {
  std::optional<int64_t> snapshot, epoch;
  std::optional<std::string> variant;

  bool is_made() const { return snapshot || epoch || variant; }
};

/// "snapshot 3 (int8 at epoch 5)".
std::string text_of(const SnapshotLabel& snapshot);

/// A networkwise value; NaN where the file has none.
double network_value(const ResultReader& result, const SnapshotLabel& snapshot,
                     const std::string& name);

/// The last snapshot that matches all that was chosen. The ConfigError lists the snapshots.
const SnapshotLabel& chosen_snapshot(const ResultReader& result, const SnapshotChoice& choice);

/// The variant whose last snapshot has the lowest accuracy, the first of equals; by the SQNR of the
/// logits if there is no accuracy, the last variant if there is neither. nullptr in a result
/// without variants.
const SnapshotLabel* worst_variant(const ResultReader& result);

}  // namespace quantdyn
