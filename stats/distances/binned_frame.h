// The distributions that a frame holds: histograms of `histogram` with the ends of `moments`.
#pragma once

#include <optional>
#include <string>

#include "framework/h5/frame.h"
#include "stats/distances/distances.h"

namespace quantdyn {

/// The edges of the bins that frames use.
const BinEdges& frame_bin_edges();

/// A layer's values; nothing where the frame has no histogram of that tensor and node, the node's
/// being empty included. Lives as long as the frame's arrays.
std::optional<BinnedDistribution> layer_distribution(const Frame& frame, const std::string& tensor,
                                                     int64_t node);
/// One channel's, of a node that layer_distribution() knows.
BinnedDistribution channel_distribution(const Frame& frame, const std::string& tensor, int64_t node,
                                        int64_t channel);

}  // namespace quantdyn
