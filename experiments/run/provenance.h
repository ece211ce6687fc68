// The facts about a run that its result keeps: program, machine, data, network.
#pragma once

#include "experiments/results/result.h"
#include "experiments/run/experiment.h"

namespace quantdyn {

/// The facts that are known before the first step.
RunFacts facts_of(const Experiment& experiment, const std::string& command_line);

/// "micro batches of 32 of 256 images: batch norms take the statistics of a micro batch": what
/// training in micro batches changes, or "" if whole batches are trained on.
std::string micro_batch_text(const Experiment& experiment);

}  // namespace quantdyn
