// `quantdyn inspect result.h5`: what a result holds, as tables for a terminal.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "experiments/results/snapshot_choice.h"

namespace quantdyn {

struct InspectRequest {
  SnapshotChoice choice;
  std::optional<std::string> layer, tensor;
  std::optional<int64_t> worst = {};  ///< how many layers
};

/// What comes after the conclusion: header facts, /network, the training curve's last row, one row
/// per snapshot of /networkwise, and layer tables: one per tensor, one row per node, with the main
/// quantities that the file has and the names of the others below. They show the chosen snapshot,
/// or the last float32 one and the variant that loses most (worst_variant).
///
/// With `tensor`, only that tensor's layer table with all its quantities; with `layer`, everything
/// about one node (inspect_layer); with `worst`, the layers that add most to the error of the
/// logits (ErrorFlow), of a variant. Columns without a value are left out. Error as ResultReader;
/// ConfigError: no such snapshot, layer or tensor; it lists the existing ones.
std::string inspect_result(const ResultReader& result, const InspectRequest& request = {});
/// The same of a file that is opened for it.
std::string inspect_result(const std::filesystem::path& path, const InspectRequest& request = {});

/// A sentence on the variant that loses most; "" for a part of a result, a merged one, and one that
/// lacks facts for a verdict.
std::string conclusion_of(const ResultReader& result, const InspectRequest& request);

}  // namespace quantdyn
