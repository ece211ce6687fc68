// Whether runs fit into the machine's memory and disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/run/run.h"

namespace quantdyn {

/// A run that has not started.
struct PlannedRun {
  std::string name;  ///< of the experiment
  std::filesystem::path output;
  Estimate estimate;
};

/// Why these runs, `at_once` at a time, do not fit: one needs more memory than this process can
/// have, or those that run at once, or all together more than is free on the disk of their output
/// folders, which are on one file system; "" if they fit. It names the largest part and what makes
/// that smaller.
std::string excess(const std::vector<PlannedRun>& runs, int at_once = 1);

/// ConfigError where runs do not fit, or a line where the request ignores that.
void require_limits(const std::vector<PlannedRun>& runs, const RunRequest& request,
                    ProgressSink& progress, int at_once = 1);

}  // namespace quantdyn
