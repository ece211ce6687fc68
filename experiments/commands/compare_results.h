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

/// What the two files are, which config keys differ, for the same net, seed and snapshots whether
/// the numbers are equal to the last bit, the accuracies of all variants, the networkwise metrics
/// of one variant, a layer table (layer_metrics) with the nodes as align_nodes pairs them, and in
/// sentences: the ten largest differences (ranked_differences, at most three of a metric), nodes
/// without a counterpart that do worse than every node of the other net, and where the accumulated
/// SQNR falls most.
///
/// Without `variant` it is that of those in both whose accuracies differ most, or the last one of
/// both where none has an accuracy; float32 where they share none. Differences are B - A. Error as
/// ResultReader; ConfigError: a variant or tensor that one of them lacks.
std::string compare_results(const CompareRequest& request);

}  // namespace quantdyn
