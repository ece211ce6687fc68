// Numbers of two results that are compared layer by layer, and how far they lie apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/results/node_alignment.h"
#include "experiments/results/result_reader.h"

namespace quantdyn {

/// One quantity of one tensor in both results; NaN where a node has none.
struct LayerMetric {
  std::string tensor, name, units;
  std::vector<double> a, b;  ///< a value a node, in the order of each network
};

/// Two snapshots of two results.
struct ComparedResults {
  const ResultReader &a, &b;
  SnapshotLabel of_a, of_b;
  std::vector<NodePair> nodes;
};

/// What both results have, of the compared snapshots (or, where those have no values, of the last
/// float32 ones). Without `tensor`: of folded_weight (weight where one has no folded ones) and
/// output the log2 of the range max - min, the average channel precision, the mean effective bits
/// of the channels, local and accumulated SQNR and the sensitivities of the accuracy. With it all
/// layerwise quantities of that tensor that have one value a node, counts left out, and the log2 of
/// the range and the mean effective bits.
std::vector<LayerMetric> layer_metrics(const ComparedResults& results,
                                       const std::optional<std::string>& tensor);

/// A pair of nodes in one metric. `spreads` is |b - a| / s, where s^2 is the mean of the two nets'
/// population variances of the metric over their layers: a difference counts as much as it is
/// larger than what the metric differs by from layer to layer anyway. Infinite where s is 0.
struct LayerDifference {
  size_t metric;
  NodePair nodes;
  double difference, spreads;
};

/// All pairs in which both values are finite and differ, the largest `spreads` first.
std::vector<LayerDifference> ranked_differences(const std::vector<LayerMetric>& metrics,
                                                const std::vector<NodePair>& nodes);

}  // namespace quantdyn
