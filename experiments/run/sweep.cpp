#include "experiments/run/sweep.h"

#include <algorithm>

#include "experiments/results/result_writer.h"
#include "experiments/run/finished_run.h"
#include "experiments/run/limits.h"
#include "experiments/run/output_folder.h"
#include "experiments/sweep/members.h"
#include "experiments/text/folder_name.h"
#include "framework/base/durable_file.h"
#include "framework/base/printable.h"
#include "framework/config/options.h"

namespace quantdyn {
namespace {

/// "sweep.yaml:22: run 'wide'", before an error.
std::string place_of(const std::string& where, const SweepMember& member) {
  return fmt::format("{}: run '{}'", where, member.name);
}

/// The report about a run that is finished already.
std::optional<RunReport> check_member(const RunRequest& run, std::vector<PlannedRun>& planned) {
  const Experiment experiment = experiment_of(run);
  require_usable(experiment.output);
  if (run.force || !std::filesystem::exists(experiment.output / "result.h5")) {
    require_free(experiment.output, run.force ? Overwrite::replace : Overwrite::refuse);
    planned.push_back({experiment.name, experiment.output, estimate(experiment)});
    return {};
  }
  return finished_run(experiment, place_of(run.member.where, run.member));
}

/// run_one(), or what another process made of the run since the sweep was checked.
RunReport run_member(const RunRequest& run, ProgressSink& progress) {
  std::vector<PlannedRun> planned;
  if (!run.force && std::filesystem::exists(run.output / "result.h5"))
    if (const auto finished = check_member(run, planned)) return *finished;
  return run_one(run, progress);
}

}  // namespace

std::vector<RunRequest> runs_of(const RunRequest& request) {
  const Options document = Options::from_file(request.config, request.sets);
  const std::vector<SweepMember> members = sweep_members(document);
  if (members.empty()) return {request};
  const std::string name =
      document.text("name", request.config.stem().string(), "name of the experiment");
  check_folder_name(document, name);
  std::filesystem::path output = request.output;
  if (output.empty()) output = document.text("output", "results/" + name, "folder of the results");
  std::vector<RunRequest> out;
  for (const SweepMember& member : members) {
    RunRequest run = request;
    run.sets.clear();
    for (const SweepKey& set : member.keys) run.sets.push_back(set.key + "=" + set.value);
    run.sets.insert(run.sets.end(), request.sets.begin(), request.sets.end());
    run.sets.emplace_back("sweep=[]");  // last: --set may change the sweep itself
    run.member = member;
    run.output = output / member.name;
    out.push_back(std::move(run));
  }
  return out;
}

Experiment experiment_of(const RunRequest& request) try {
  Experiment out = Experiment::read(request.config, request.sets);
  if (!request.output.empty()) out.output = request.output;
  return out;
} catch (const ConfigError& e) {
  if (request.member.name.empty()) throw;
  std::string message = e.what(), where = request.member.where;
  for (const SweepKey& set : request.member.keys)
    if (message.starts_with("--set " + quotable(set.key + "=" + set.value))) where = set.where;
  if (message.starts_with("--set ")) message.erase(0, 6);  // the entry's key, not an argument
  throw_error<ConfigError>("{}: {}", place_of(where, request.member), message);
}

std::vector<std::optional<RunReport>> check_sweep(const std::vector<RunRequest>& runs, int at_once,
                                                  ProgressSink& progress) {
  std::vector<std::optional<RunReport>> out;
  std::vector<PlannedRun> planned;
  for (const RunRequest& run : runs) {
    out.push_back(check_member(run, planned));
    if (out.back())
      progress.line(fmt::format("{}: was finished before; {} is kept", out.back()->experiment,
                                out.back()->result.string()));
  }
  require_limits(planned, runs.front(), progress, at_once);
  return out;
}

std::string kept_of_sweep(const std::vector<std::optional<RunReport>>& reports) {
  const auto kept = std::ranges::count_if(
      reports, [](const auto& report) { return report && !report->result.empty(); });
  return fmt::format("finished and kept: {} of the sweep's {} runs", kept, reports.size());
}

MemberQueue::MemberQueue(const std::vector<RunRequest>& runs,
                         const std::vector<std::optional<RunReport>>& finished)
    : runs_(runs) {
  for (size_t i = 0; i < runs.size(); ++i)
    if (!finished[i]) waiting_.push_back(i);
}

std::optional<size_t> MemberQueue::next() {
  while (!waiting_.empty()) {
    const size_t i = waiting_.front();
    waiting_.pop_front();
    if (!is_locked(runs_[i].output) || !put_off_.insert(i).second) return i;
    waiting_.push_back(i);
  }
  return {};
}

std::vector<RunReport> run_sweep(const std::vector<RunRequest>& runs, ProgressSink& progress) {
  auto reports = check_sweep(runs, 1, progress);
  MemberQueue queue(runs, reports);
  for (std::optional<size_t> i = queue.next(); i; i = queue.next()) {
    const std::string& name = runs[*i].member.name;
    try {
      reports[*i] = run_member(runs[*i], progress);
    } catch (const Stopped& stopped) {
      throw Stopped(stopped.signal(),
                    fmt::format("{}\n{}", stopped.what(), kept_of_sweep(reports)));
    } catch (const std::exception& e) {  // out of memory, too
      reports[*i] =
          RunReport{.experiment = name, .failures = {fmt::format("{}: {}", name, e.what())}};
      progress.line(reports[*i]->failures.front());
    }
  }
  std::vector<RunReport> out;
  for (const auto& report : reports) out.push_back(*report);
  return out;
}

}  // namespace quantdyn
