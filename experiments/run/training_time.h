// How long training will take, from a short piece of it.
#pragma once

#include "experiments/run/experiment.h"

namespace quantdyn {

/// Seconds that the training of an experiment takes here, with this number of threads: a few of its
/// steps are run, for about half a second, and counted up. The loader is measured with them;
/// quantizers of training, snapshots, tracking and variants are not. Leaves the net in some state
/// and the rest of the experiment as it is. 0 if it trains for no epoch.
double training_seconds(Experiment& experiment);

}  // namespace quantdyn
