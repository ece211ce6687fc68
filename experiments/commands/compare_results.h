// `quantdyn compare A.h5 B.h5`: two results node by node, and what differs most.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace quantdyn {

struct CompareRequest {
  std::filesystem::path a, b;
  std::optional<std::string> variant, tensor;
};

/// Reports the two files and the config keys that differ; for the same net, seed and snapshots,
/// whether the numbers are equal to the last bit; the accuracies of all variants; the networkwise
/// metrics of one variant; a layer table (layer_metrics) of the nodes paired by align_nodes. Then
/// in sentences: the ten largest differences (ranked_differences, at most three of a metric), nodes
/// without a counterpart that do worse than every node of the other net, and where the accumulated
/// SQNR falls most.
///
/// The default of `variant` is the shared one whose accuracies differ most, the last shared one if
/// none has an accuracy, or float32 if they share none. Differences are B - A. Error as
/// ResultReader; ConfigError: a variant or tensor that one of them lacks.
std::string compare_results(const CompareRequest& request);

}  // namespace quantdyn
