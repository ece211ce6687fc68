// `quantdyn run` and what it shares with `quantdyn validate`: the options of an experiment.
#include "experiments/run/run.h"

#include <iostream>

#include "experiments/commands/experiment_options.h"
#include "experiments/commands/summary_table.h"
#include "experiments/terminal/terminal_progress.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

void run(const CommandCall& call) {
  TerminalProgress shown;
  SilentProgress silent;
  ProgressSink& progress = call.has("quiet") ? static_cast<ProgressSink&>(silent) : shown;
  const std::vector<RunReport> reports = run_experiment(request_of("run", call), progress);
  std::vector<VariantSummary> rows;
  std::vector<std::string> failures;
  for (const RunReport& report : reports) {
    rows.insert(rows.end(), report.summary.begin(), report.summary.end());
    failures.insert(failures.end(), report.failures.begin(), report.failures.end());
  }
  std::cout << summary_table(rows);
  for (const RunReport& report : reports)
    std::cout << "written: " << report.result.string() << "\n";
  if (!failures.empty())
    throw_error("without these, which failed:\n  {}", fmt::join(failures, "\n  "));
}

}  // namespace

Command run_command() {
  return {"run", "CONFIG", "train, quantize, track and write result.h5", experiment_options(), run};
}

}  // namespace quantdyn
