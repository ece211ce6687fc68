// Training by several ranks: rank 0 runs the experiment, the others train along.
#pragma once

#include "experiments/results/result_writer.h"
#include "experiments/run/variant_maker.h"
#include "framework/base/state.h"

namespace quantdyn {

/// All ranks. ConfigError if the experiment trains in a way that cannot be shared, and on rank 0 if
/// another rank differs in anything that decides bits.
void agree(const Experiment& experiment, const RunFacts& facts);

/// Rank 0, before the first step that this process takes: gives the others the net and what they
/// start from. `is_tracked`: a snapshot comes first. No trainer: there is no step.
void give_start(VariantMaker::Place place, bool is_tracked, Network& network, Trainer* trainer);

/// The other ranks: waits for the start, then trains until the last epoch is done, and takes part
/// in snapshots that are shared. Returns where the net is then.
VariantMaker::Place train_along(Experiment& experiment, VariantMaker& maker);

}  // namespace quantdyn
