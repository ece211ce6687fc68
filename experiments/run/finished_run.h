// A result that is there already, beside the run that would write it.
#pragma once

#include <string>

#include "experiments/run/experiment.h"
#include "experiments/run/run.h"

namespace quantdyn {

/// The report about a run whose result is at `path`, which a process just wrote.
RunReport report_of(const std::string& experiment, const std::filesystem::path& path);

/// The report about a run whose result is in its folder. `place` begins the ConfigError where that
/// result is damaged, ended early, or is that of another experiment.
RunReport finished_run(const Experiment& experiment, const std::string& place);

}  // namespace quantdyn
