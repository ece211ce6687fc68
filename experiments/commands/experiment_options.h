// The options that `quantdyn run` and `quantdyn validate` share.
#pragma once

#include "experiments/commands/command.h"
#include "experiments/run/run.h"

namespace quantdyn {

po::options_description experiment_options();

/// The run that the options request; ConfigError unless there is exactly one CONFIG.
RunRequest request_of(const std::string& command, const CommandCall& call);

}  // namespace quantdyn
