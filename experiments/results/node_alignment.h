// Which node of one net corresponds to which of another, in the order of both.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "experiments/results/result_reader.h"

namespace quantdyn {

/// Positions in the two networks; -1 if a node has no counterpart.
struct NodePair {
  int64_t a, b;
};

/// What the alignment compares.
struct NodeShape {
  std::string name, kind;
  std::vector<int64_t> output;  ///< [height, width, channels], or [channels]
};

std::vector<NodeShape> node_shapes(const ResultReader& result);

/// The order-preserving alignment of the greatest total score (Needleman and Wunsch 1970, without
/// gap penalty). A pair scores 10 for the same name; otherwise nodes pair only within a class
/// (input, convolution, add, pool, dense) and score 2 for the same output height, 2 for the same
/// channels, 1 for the same kind or 0.5 if neither is depthwise, and up to 1 for the same relative
/// depth. So a pointwise convolution is the counterpart of a block's regular one, and the depthwise
/// one before it has none. Every node occurs once; equal scores take the earlier pair.
/// ConfigError for more than 25 million possible pairs.
std::vector<NodePair> align_nodes(std::span<const NodeShape> a, std::span<const NodeShape> b);

}  // namespace quantdyn
