// The facts about a run that its result keeps: program, machine, data, network.
#pragma once

#include "experiments/experiment.h"
#include "experiments/result.h"

namespace quantdyn {

/// Everything known before the first step.
RunFacts facts_of(const Experiment& experiment, const std::string& command_line);

/// The time in ISO 8601.
std::string now_utc();

/// The commit that the program was built from.
std::string revision();

/// Peak resident memory of this process so far, in MiB.
double peak_memory_mib();

}  // namespace quantdyn
