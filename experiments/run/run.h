// Runs an experiment, or checks it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/run/summary.h"
#include "framework/base/progress_sink.h"

namespace quantdyn {

/// What is asked for.
struct RunRequest {
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::filesystem::path output;  ///< empty: the experiment's own
  bool force = false;            ///< whether a complete result that is there is replaced
  std::string command_line;      ///< for the record
  std::string place;             ///< of the sweep's entry, for errors; empty: no sweep
};

/// What one run left.
struct RunReport {
  std::string experiment;
  std::filesystem::path result;         ///< the file
  std::vector<VariantSummary> summary;  ///< summary_of() the file
  std::vector<std::string> failures;    ///< "experiment: variant: why", not in the result
};

/// Trains (or loads), quantizes, tracks and writes `<output>/result.h5`, for a sweep run by run
/// when all of them are known to be valid; one report a run. A variant that fails leaves the
/// others. Error: training or writing failed; ConfigError, before any compute: as
/// Experiment::read(), or a result that is there.
std::vector<RunReport> run_experiment(const RunRequest& request, ProgressSink& progress);

/// What a run would do.
struct RunPlan {
  std::string experiment;
  int64_t parameters, train_images, test_images, epochs, variants;
};

/// Makes everything that each run would make before its first compute; one plan a run.
/// ConfigError otherwise.
std::vector<RunPlan> validate_experiment(const RunRequest& request);

}  // namespace quantdyn
