#include "experiments/run/sweep.h"

#include <algorithm>
#include <set>

#include "experiments/results/result_writer.h"
#include "experiments/run/finished_run.h"
#include "experiments/run/limits.h"
#include "experiments/run/output_folder.h"
#include "framework/config/options.h"

namespace quantdyn {
namespace {

void refuse_keys_of_the_whole(const Options& entry) {
  for (const char* key : {"output", "sweep"})
    if (entry.has(key))
      entry.refuse(key, "belongs to the whole sweep; accepted: outside its entries");
  // A library stays loaded until the program ends, so the runs after it would have it, too.
  for (const auto& [key, value] : entry.entries())
    if (key == "plugins" || key.starts_with("plugins."))
      entry.refuse(key, "belongs to the whole sweep; accepted: `plugins` outside its entries");
}

/// What is done with a run of a sweep.
struct Member {
  std::string name;
  std::optional<RunReport> finished;  ///< nothing
};

Member check_member(const RunRequest& run, std::vector<PlannedRun>& planned) {
  const Experiment experiment = experiment_of(run);
  require_usable(experiment.output);
  if (run.force || !std::filesystem::exists(experiment.output / "result.h5")) {
    require_free(experiment.output, run.force ? Overwrite::replace : Overwrite::refuse);
    planned.push_back({experiment.name, experiment.output, estimate(experiment)});
    return {experiment.name, std::nullopt};
  }
  return {experiment.name, finished_run(experiment, run.place)};
}

}  // namespace

std::vector<RunRequest> runs_of(const RunRequest& request) {
  const Options document = Options::from_file(request.config, request.sets);
  const std::vector<Options> entries = document.list("sweep", "the runs of this file");
  if (entries.empty()) return {request};
  const std::string name =
      document.text("name", request.config.stem().string(), "name of the experiment");
  check_folder_name(document, name);
  std::filesystem::path output = request.output;
  if (output.empty()) output = document.text("output", "results/" + name, "folder of the results");
  std::vector<RunRequest> out;
  std::set<std::string> taken;
  for (const Options& entry : entries) {
    const std::string own = entry.text("name", Options::required, "of the run and its folder");
    check_folder_name(entry, own);
    if (!taken.insert(own).second)
      entry.refuse("name",
                   fmt::format("'{}' is the name of an earlier run; accepted: another name", own));
    refuse_keys_of_the_whole(entry);
    RunRequest run = request;
    run.sets = {"sweep=[]"};
    for (const auto& [key, value] : entry.entries()) run.sets.push_back(key + "=" + value);
    run.sets.insert(run.sets.end(), request.sets.begin(), request.sets.end());
    run.place = fmt::format("{}: run '{}'", entry.where("name"), own);
    run.output = output / own;
    out.push_back(std::move(run));
  }
  return out;
}

Experiment experiment_of(const RunRequest& request) try {
  Experiment out = Experiment::read(request.config, request.sets);
  if (!request.output.empty()) out.output = request.output;
  return out;
} catch (const ConfigError& e) {
  if (request.place.empty()) throw;
  std::string message = e.what();
  if (message.starts_with("--set ")) message.erase(0, 6);  // the entry's key, not an argument
  throw_error<ConfigError>("{}: {}", request.place, message);
}

std::vector<RunReport> run_sweep(const std::vector<RunRequest>& runs, ProgressSink& progress) {
  std::vector<Member> members;
  std::vector<PlannedRun> planned;
  for (const RunRequest& run : runs) members.push_back(check_member(run, planned));
  require_limits(planned, runs.front(), progress);
  std::vector<RunReport> out;
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto& [name, finished] = members[i];
    if (finished) {
      progress.line(
          fmt::format("{}: was finished before; {} is kept", name, finished->result.string()));
      out.push_back(*finished);
      continue;
    }
    try {
      out.push_back(run_one(runs[i], progress));
    } catch (const Stopped& stopped) {
      const auto kept = std::ranges::count_if(
          out, [](const RunReport& report) { return !report.result.empty(); });
      throw Stopped(stopped.signal(),
                    fmt::format("{}\nfinished and kept: {} of the sweep's {} runs", stopped.what(),
                                kept, runs.size()));
    } catch (const std::exception& e) {  // out of memory, too
      out.push_back({.experiment = name, .failures = {fmt::format("{}: {}", name, e.what())}});
      progress.line(out.back().failures.front());
    }
  }
  return out;
}

}  // namespace quantdyn
