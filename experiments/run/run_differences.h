// In what two runs differ, where it decides bits of their results.
#pragma once

#include <vector>

#include "experiments/results/config_difference.h"
#include "experiments/results/result.h"

namespace quantdyn {

/// Keys of their experiments (other than output and checkpoint) and of their network files, the
/// checksums of data, models, weights and plugins.
std::vector<ConfigDifference> input_differences(const RunFacts& a, const RunFacts& b);

/// These, and the program, its compiler, BLIS' kernels and the instruction set. The number of
/// threads decides no bit.
std::vector<ConfigDifference> run_differences(const RunFacts& a, const RunFacts& b);

}  // namespace quantdyn
