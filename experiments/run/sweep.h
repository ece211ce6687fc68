// Sweeps: one experiment file for several runs.
#pragma once

#include <vector>

#include "experiments/run/run.h"

namespace quantdyn {

/// The runs of a request: the request itself, or one for each entry of the file's `sweep:`,
///
///     sweep:
///       - {name: dws, network.file: networks/dws.yaml}
///       - {name: regular, network.file: networks/regular.yaml, train.epochs: 5}
///
/// An entry's keys are set as by `--set` (before those of the command line). Its result goes into a
/// folder of its name below the output folder. ConfigError: an entry without a unique name, a file
/// that cannot be read.
std::vector<RunRequest> runs_of(const RunRequest& request);

}  // namespace quantdyn
