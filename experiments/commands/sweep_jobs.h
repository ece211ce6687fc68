// Members of a sweep in processes of their own, several at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/run/run.h"
#include "framework/base/progress_sink.h"

namespace quantdyn {

struct SweepJobs {
  int jobs;     ///< how many members run at a time
  int threads;  ///< that these share; each gets at least one
  bool quiet;   ///< show nothing
  /// The arguments of this program that run one member with `threads` threads.
  std::function<std::vector<std::string>(const SweepMember& member, int threads)> arguments;
};

/// As run_sweep(). A member's notes and progress are in `log.txt` in its folder; on a terminal, the
/// last line of each is shown. A stop that runs.front().stop asks for is passed on to all members,
/// which write their checkpoints; then this throws Stopped. A member that fails or is killed does
/// not stop the others.
std::vector<RunReport> run_sweep_jobs(const std::vector<RunRequest>& runs, const SweepJobs& how,
                                      ProgressSink& progress);

}  // namespace quantdyn
