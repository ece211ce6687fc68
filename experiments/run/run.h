// Runs an experiment, or checks it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/run/estimate.h"
#include "experiments/run/summary.h"
#include "experiments/sweep/grid.h"
#include "framework/base/progress_sink.h"
#include "framework/base/stop_flag.h"

namespace quantdyn {

/// What happens to an interrupted run in the output folder.
enum class Interrupted {
  resume,   ///< the run goes on with it
  discard,  ///< its checkpoints are removed, its snapshots set aside
  refuse
};

/// The run that is requested.
struct RunRequest {
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::filesystem::path output;  ///< empty: the experiment's own
  bool force = false;            ///< whether to replace an existing complete result
  bool ignore_limits = false;    ///< whether to run beyond what memory and disk allow
  Interrupted interrupted = Interrupted::resume;
  const StopFlag* stop = nullptr;  ///< asks the run to stop; null: nobody does
  std::string command_line;        ///< for the record
  SweepMember member = {};         ///< of a sweep, which this is; without a name: no sweep
};

/// The outcome of one run.
struct RunReport {
  std::string experiment;
  std::filesystem::path result = {};         ///< the file; empty: the run failed
  std::vector<VariantSummary> summary = {};  ///< summary_of() the file
  std::vector<std::string> failures = {};    ///< "experiment: variant: why", not in the result
  bool was_finished = false;                 ///< before: it was not run again
};

/// Trains (or loads), quantizes, tracks and writes `<output>/result.h5`. If a variant fails, the
/// others go on. Error: training or writing failed. ConfigError, before any compute: as
/// Experiment::read(), an existing result, more memory or disk than there is, or an interrupted run
/// that request.interrupted refuses. Stopped, which says what was kept, if request.stop asks for
/// it: at the end of the step, or of a few seconds' work.
RunReport run_one(const RunRequest& request, ProgressSink& progress);

/// run_one(), or run_sweep() where the file has a `sweep:`; one report per run.
std::vector<RunReport> run_experiment(const RunRequest& request, ProgressSink& progress);

/// What a run would do.
struct RunPlan {
  std::string experiment;
  int64_t parameters, train_images, test_images, epochs, variants;
  Estimate estimate;
  std::string trains_alike = {};  ///< the same text of runs whose steps take the same time
  std::string micro_batch = {};   ///< micro_batch_text()
};

/// Makes everything that each run makes before its first compute; one plan per run. ConfigError if
/// something is invalid, or does not fit into memory or disk.
std::vector<RunPlan> validate_experiment(const RunRequest& request);

/// Seconds of training of all members of a sweep, one after the other: training_seconds() of one
/// run of each kind that trains alike, scaled to the epochs of the others.
double sweep_training_seconds(const RunRequest& request, const std::vector<RunPlan>& plans);

}  // namespace quantdyn
