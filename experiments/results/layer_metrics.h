// Metrics of two results, compared layer by layer, and how far apart they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/results/node_alignment.h"
#include "experiments/results/result_reader.h"

namespace quantdyn {

/// One quantity of one tensor in both results; NaN if a node has no value.
struct LayerMetric {
  std::string tensor, name, units;
  std::vector<double> a, b;  ///< a value per node, in the order of each network
};

/// Two snapshots of two results.
struct ComparedResults {
  const ResultReader &a, &b;
  SnapshotLabel of_a, of_b;
  std::vector<NodePair> nodes;
};

/// The metrics that both results have, at the compared snapshots (or, if those have no values, at
/// the last float32 ones). Without `tensor`, of folded_weight (weight if a result has no folded
/// ones) and of output: log2 of the range max - min, average channel precision, mean effective bits
/// of the channels, local and accumulated SQNR, and sensitivities of the accuracy. With `tensor`:
/// all its layerwise quantities with one value per node except counts, log2 of the range, and mean
/// effective bits.
std::vector<LayerMetric> layer_metrics(const ComparedResults& results,
                                       const std::optional<std::string>& tensor);

/// A pair of nodes in one metric. `spreads` is |b - a| / s, where s^2 is the mean of the two nets'
/// population variances of the metric over their layers: a difference counts by how far it exceeds
/// the usual difference from layer to layer. Infinite if s is 0.
struct LayerDifference {
  size_t metric;
  NodePair nodes;
  double difference, spreads;
};

/// All pairs whose values are both finite and differ, the largest `spreads` first.
std::vector<LayerDifference> ranked_differences(const std::vector<LayerMetric>& metrics,
                                                const std::vector<NodePair>& nodes);

}  // namespace quantdyn
