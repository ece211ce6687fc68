// The distributions in a frame: histograms from `histogram` with the ends from `moments`.
#pragma once

#include <optional>
#include <string>

#include "framework/h5/frame.h"
#include "stats/distances/distances.h"

namespace quantdyn {

/// The edges of the bins that frames use.
const BinEdges& frame_bin_edges();

/// A layer's values; none if the frame has no histogram of that tensor and node, or an empty one.
/// Lives as long as the frame's arrays.
std::optional<BinnedDistribution> layer_distribution(const Frame& frame, const std::string& tensor,
                                                     int64_t node);
/// One channel's values, of a node for which layer_distribution() gives some.
BinnedDistribution channel_distribution(const Frame& frame, const std::string& tensor, int64_t node,
                                        int64_t channel);

}  // namespace quantdyn
