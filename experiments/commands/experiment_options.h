// The options that `quantdyn run` and `quantdyn validate` share.
#pragma once

#include "experiments/commands/command.h"
#include "experiments/run/run.h"

namespace quantdyn {

po::options_description experiment_options();

/// What the options ask for; ConfigError without one CONFIG.
RunRequest request_of(const std::string& command, const CommandCall& call);

}  // namespace quantdyn
