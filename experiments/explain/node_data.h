// Figures by layer as node data for Model Explorer (Google's viewer of graphs).
#pragma once

#include <filesystem>
#include <vector>

#include "experiments/explain/layer_notes.h"

namespace quantdyn {

/// Writes KEY.json into a folder for each note, a file of Model Explorer's node data for one graph:
/// {"name", "results": {layer: {"value"}}, "gradient"}. Its keys are the names of layers, which the
/// nodes of an exported ONNX model have, too. Values that are not finite are left out. Files of
/// figures that are not among the notes are removed: they would be of another snapshot. Returns the
/// files. Error: one cannot be written.
std::vector<std::filesystem::path> write_node_data(const ResultReader& result,
                                                   const std::vector<LayerNote>& notes,
                                                   const std::filesystem::path& folder);

}  // namespace quantdyn
