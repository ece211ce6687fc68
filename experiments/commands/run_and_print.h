// What `quantdyn run` and `quantdyn sweep run` share: options, stops, the table at the end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/commands/command.h"
#include "experiments/run/run.h"
#include "framework/base/progress_sink.h"

namespace quantdyn {

/// experiment_options(), and what happens to an interrupted run.
po::options_description run_options();

/// Runs what `run` runs, which gets the request of a command with run_options(); then prints the
/// table of all reports and where results are. Error, which lists them, if anything failed. Stopped
/// with the command that goes on.
void run_and_print(
    const std::string& command, const CommandCall& call,
    const std::function<std::vector<RunReport>(const RunRequest&, ProgressSink&)>& run);

}  // namespace quantdyn
