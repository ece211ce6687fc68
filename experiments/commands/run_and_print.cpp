#include "experiments/commands/run_and_print.h"

#include "experiments/commands/experiment_options.h"
#include "experiments/commands/summary_table.h"
#include "experiments/terminal/output.h"
#include "experiments/terminal/stop_signals.h"
#include "experiments/terminal/terminal_progress.h"
#include "experiments/text/shell_word.h"
#include "framework/base/error.h"
#include "framework/base/ranks.h"

namespace quantdyn {
namespace {

Interrupted interrupted_of(const std::string& command, const CommandCall& call) {
  if (call.has("fresh") && call.has("no-resume"))
    throw_error<ConfigError>("{}: --fresh and --no-resume exclude each other", command);
  if (call.has("fresh")) return Interrupted::discard;
  return call.has("no-resume") ? Interrupted::refuse : Interrupted::resume;
}

/// The command that goes on where this one was stopped.
std::string command_to_go_on(const CommandCall& call) {
  std::vector<std::string> out;
  for (const std::string& word : call.arguments)
    if (word != "--fresh" && word != "--no-resume") out.push_back(shell_word(word));
  return fmt::format("{}", fmt::join(out, " "));
}

void print_reports(const std::vector<RunReport>& reports) {
  std::vector<VariantSummary> rows;
  std::vector<std::string> failures;
  for (const RunReport& report : reports) {
    rows.insert(rows.end(), report.summary.begin(), report.summary.end());
    failures.insert(failures.end(), report.failures.begin(), report.failures.end());
  }
  print_result(summary_table(rows));
  for (const RunReport& report : reports)
    if (!report.result.empty())
      print_result(fmt::format(
          "{}{}\n", report.was_finished ? "kept: " : "written: ", report.result.string()));
  if (!failures.empty())
    throw_error("without these, which failed:\n  {}", fmt::join(failures, "\n  "));
}

}  // namespace

po::options_description run_options() {
  po::options_description out = experiment_options();
  auto add = out.add_options();
  add("fresh", po::bool_switch(), "start over where an interrupted run could go on");
  add("no-resume", po::bool_switch(), "refuse a folder that holds an interrupted run");
  add("progress", po::value<double>()->value_name("S"),
      "seconds between lines of progress where the output is no terminal (30)");
  return out;
}

void run_and_print(
    const std::string& command, const CommandCall& call,
    const std::function<std::vector<RunReport>(const RunRequest&, ProgressSink&)>& run) try {
  TerminalProgress shown(call.value<double>("progress").value_or(30));
  SilentProgress silent;
  const StopSignals signals;
  RunRequest request = request_of(command, call);
  request.stop = &signals.flag();
  request.interrupted = interrupted_of(command, call);
  const bool is_quiet = call.has("quiet") || ranks().rank() > 0;
  const auto reports = run(request, is_quiet ? static_cast<ProgressSink&>(silent) : shown);
  if (ranks().rank() == 0) print_reports(reports);
} catch (const Stopped& stopped) {
  throw Stopped(stopped.signal(),
                fmt::format("{}\nto go on: {}", stopped.what(), command_to_go_on(call)));
}

}  // namespace quantdyn
