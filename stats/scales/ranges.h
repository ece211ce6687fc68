// Ranges compared: those of a layer's channels, and those of layers over the depth of a net.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/h5/frame.h"

namespace quantdyn {

/// How much the ranges r_i = max - min of a layer's channels differ. Dead channels (r_i = 0) are
/// left out; NaN if all are dead or one r_i is NaN.
struct RangeSpread {
  double ratio;      ///< largest / smallest r_i
  double variation;  ///< population standard deviation / mean of r_i
};
/// `minimum` and `maximum` are [channels].
RangeSpread range_spread(std::span<const double> minimum, std::span<const double> maximum);

/// Writes layerwise/<tensor>/channel_range_{ratio,variation} of all nodes that have the tensor,
/// from what `moments` wrote; a frame without that is left as it is.
void save_range_spreads(Frame& frame, const std::string& tensor);

/// Which nodes each node reads, in the order of its inputs: [node][input].
using NodeInputs = std::vector<std::vector<int64_t>>;

/// The nearest node before `node` that has something, found along the main path: through a node's
/// first input, or its second if the first leads to none, and so on; -1 if none does. The sum of a
/// residual block names its branch first and its shortcut second, so the main path is the branch.
int64_t predecessor(const NodeInputs& inputs, int64_t node, const std::vector<bool>& has);

/// Writes how a tensor's range r = max - min changes over the depth of the net, for all nodes that
/// have the tensor (Yun & Wong 2021, arXiv 2104.11849, compare layers' ranges over depth):
/// layerwise/<tensor>/{range,log2_range,log2_range_step} and
/// networkwise/<tensor>_range_{fluctuation,step}. A step is from the predecessor(); the first node
/// has NaN. A layer without width has log2 range -infinity, and the network's values are then not
/// finite. From what `moments` wrote; a frame without that is left as it is.
void save_depth_ranges(Frame& frame, const std::string& tensor, const NodeInputs& inputs);

}  // namespace quantdyn
