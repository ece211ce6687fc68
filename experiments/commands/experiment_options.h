// The options of commands that read an experiment, and what they ask for.
#pragma once

#include <string>
#include <vector>

#include "experiments/commands/command.h"
#include "experiments/run/run.h"

namespace quantdyn {

/// Adds --set and --output: which experiment is meant.
void add_file_options(po::options_description& options);
/// The request of a command with these options alone.
RunRequest file_request_of(const std::string& command, const CommandCall& call);

/// Those, and how it is run.
po::options_description experiment_options();
/// The request of a command with experiment_options().
RunRequest request_of(const std::string& command, const CommandCall& call);

/// The words that give another command those options of `call` that are in `described`, such as
/// "--set=seed=1". Without those that say what is shown on the terminal.
std::vector<std::string> words_of(const CommandCall& call,
                                  const po::options_description& described);

/// The members of the sweep that a request's file has. ConfigError if it has none, and as
/// runs_of().
std::vector<RunRequest> sweep_of(const std::string& command, const RunRequest& request);

}  // namespace quantdyn
