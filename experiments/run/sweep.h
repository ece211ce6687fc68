// Sweeps: one experiment file for several runs.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/run/experiment.h"
#include "experiments/run/run.h"

namespace quantdyn {

/// The runs of a request: the request itself, or one for each of its file's sweep_members(). A
/// member's keys are set as by `--set` (before those of the command line). Its result goes into a
/// folder of its name below the output folder. ConfigError: as sweep_members(); a file that cannot
/// be read.
std::vector<RunRequest> runs_of(const RunRequest& request);

/// The experiment of a run; errors begin with the sweep's entry.
Experiment experiment_of(const RunRequest& request);

/// Checks all runs before the first one computes; the reports about those that are finished (their
/// result is undamaged, and of the same experiment), which are not run again unless
/// RunRequest::force is set. ConfigError: one is invalid, or its folder holds a damaged result or
/// that of another experiment, with the keys that differ; or memory or disk do not hold the rest,
/// `at_once` at a time.
std::vector<std::optional<RunReport>> check_sweep(const std::vector<RunRequest>& runs, int at_once,
                                                  ProgressSink& progress);

/// The members that are still to run, in their order. One whose folder another process has locked
/// comes last: by then it may be finished.
class MemberQueue {
 public:
  /// Of `runs`, which must outlive it, those without a report.
  MemberQueue(const std::vector<RunRequest>& runs,
              const std::vector<std::optional<RunReport>>& finished);
  /// The place in `runs` of the next one; nothing after the last.
  std::optional<size_t> next();

 private:
  const std::vector<RunRequest>& runs_;
  std::deque<size_t> waiting_;
  std::set<size_t> put_off_;
};

/// check_sweep(), then runs what is not finished; one report per run, in their order. One that
/// fails is reported, and the others go on.
std::vector<RunReport> run_sweep(const std::vector<RunRequest>& runs, ProgressSink& progress);

/// "finished and kept: 3 of the sweep's 8 runs", for a stop.
std::string kept_of_sweep(const std::vector<std::optional<RunReport>>& reports);

}  // namespace quantdyn
