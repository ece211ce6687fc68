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
};

/// Header facts, /network, the training curve's last row, a row a snapshot of /networkwise, and
/// layer tables: a row a node, a table a tensor, of the quantities that answer first and that the
/// file has; the names of the others after them. They are of the chosen snapshot, or of the last
/// float32 one and the variant that loses most (worst_variant).
///
/// With `tensor` one tensor's layer table with all its quantities alone, with `layer` all that the
/// file has of one node (inspect_layer). Columns in which no node has a value are left out. Error
/// as ResultReader; ConfigError: no such snapshot, layer or tensor; it names what there is.
std::string inspect_result(const std::filesystem::path& path, const InspectRequest& request = {});

}  // namespace quantdyn
