// The rows of `quantdyn bench --layers`: what each layer takes of a step, and what bounds it.
#pragma once

#include <string>
#include <vector>

#include "experiments/bench/machine_limits.h"
#include "experiments/bench/modes.h"

namespace quantdyn {

/// One pass of one step of a plan, or a part of a step outside the layers; all of one batch.
///
/// The limit is the roofline (Williams, Waterman and Patterson 2009): max(flop / peak, bytes /
/// rate), with the rate of a copy of as many bytes as one worker has. A fused step does some work
/// of its neighbours, such as their norms' sums, so the limit of a row is a guide, that of the
/// whole a bound.
struct LayerRow {
  enum class Limit { none, products, memory };
  std::string layer;              ///< of the step's first node; its others are fused with it
  std::string kind;               ///< "pointwise", "depthwise", "batch_norm"; "outside" in no layer
  std::string pass;               ///< "forward", "backward" or ""
  double seconds = 0, share = 0;  ///< of wall time; of the whole step
  double flop = 0, bytes = 0;     ///< 2 a multiply-accumulate; see PassProfile
  double limit_seconds = 0;       ///< 0 where there is no limit
  Limit limit = Limit::none;
};

/// The rows of a timing by layer. The last one, "rest", is the time that no other row has (threads
/// that wait, the walk through the plan), so that all rows sum to the whole step.
std::vector<LayerRow> layer_rows(const Network& network, const BenchTiming& timing,
                                 const MachineLimits& limits);

/// The rows of each kind and pass as one: in order of first appearance.
std::vector<LayerRow> rows_by_kind(const std::vector<LayerRow>& rows);

/// The limits and both tables.
std::string layers_text(const std::vector<LayerRow>& rows, const MachineLimits& limits);

}  // namespace quantdyn
