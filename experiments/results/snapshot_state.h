// A snapshot that another process has made.
#pragma once

#include "experiments/results/result.h"
#include "framework/base/state.h"

namespace quantdyn {

/// Everything of a snapshot but raw tensors, which lie in a file already. While loading, its frame
/// must have the nodes and channels of the one that was saved.
void visit_snapshot(StateVisitor state, Snapshot& snapshot);

}  // namespace quantdyn
