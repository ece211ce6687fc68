// Sweeps: one experiment file that stands for several runs.
#pragma once

#include <vector>

#include "experiments/run/run.h"

namespace quantdyn {

/// The runs that a request stands for: itself, or one for each entry of the file's `sweep:`,
///
///     sweep:
///       - {name: dws, network.file: networks/dws.yaml}
///       - {name: regular, network.file: networks/regular.yaml, train.epochs: 5}
///
/// whose keys are set as by `--set` (the command line's come after them) and whose result goes
/// into a folder of the entry's name below the output folder. ConfigError: an entry without a name
/// of its own, a file that cannot be read.
std::vector<RunRequest> runs_of(const RunRequest& request);

}  // namespace quantdyn
