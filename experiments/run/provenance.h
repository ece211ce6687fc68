// The facts about a run that its result keeps: program, machine, data, network.
#pragma once

#include "experiments/results/result.h"
#include "experiments/run/experiment.h"

namespace quantdyn {

/// The facts that are known before the first step.
RunFacts facts_of(const Experiment& experiment, const std::string& command_line);

}  // namespace quantdyn
