// Sweeps: one experiment file for several runs.
#pragma once

#include <vector>

#include "experiments/run/experiment.h"
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

/// The experiment of a run; errors begin with the sweep's entry.
Experiment experiment_of(const RunRequest& request);

/// Runs what is not finished, after a check of all entries; one report per run, in their order. A
/// run that is finished (its result is undamaged, and of the same experiment) is not run again,
/// unless RunRequest::force is set. One that fails is reported, and the others go on.
///
/// ConfigError, before any compute: an entry is invalid, or its folder holds a damaged result or
/// that of another experiment; the keys that differ are named.
std::vector<RunReport> run_sweep(const std::vector<RunRequest>& runs, ProgressSink& progress);

}  // namespace quantdyn
