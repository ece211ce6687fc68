// Training by several ranks: rank 0 runs the experiment, the others train along.
#pragma once

#include "experiments/results/result_writer.h"
#include "experiments/run/experiment.h"
#include "framework/base/state.h"

namespace quantdyn {

/// All ranks. ConfigError if the experiment trains in a way that cannot be shared, and on rank 0 if
/// another rank differs in anything that decides bits.
void agree(const Experiment& experiment, const RunFacts& facts);

/// Rank 0, before the first step that this process takes: gives the others what they start from.
void give_start(int64_t epoch, Network& network, Trainer& trainer);

/// The other ranks: waits for the start, then trains until the last epoch is done, and evaluates
/// the test set wherever a snapshot is taken.
void train_along(Experiment& experiment);

}  // namespace quantdyn
