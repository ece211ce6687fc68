// Which snapshots of a result a reader of tables sees: chosen by number, variant and epoch.
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

/// The last snapshot that agrees with all that is chosen. ConfigError names what there is.
const SnapshotLabel& chosen_snapshot(const ResultReader& result, const SnapshotChoice& choice);

/// Of the variants of the last snapshots of each name, the one with the least accuracy, the first
/// one of equals; by the SQNR of the logits where there is no accuracy, the last where neither.
/// nullptr in a result without variants.
const SnapshotLabel* worst_variant(const ResultReader& result);

}  // namespace quantdyn
