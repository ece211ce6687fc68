#include "experiments/run/run.h"

#include <iterator>
#include <map>
#include <optional>

#include "experiments/results/finish_result.h"
#include "experiments/results/open_result.h"
#include "experiments/results/process_facts.h"
#include "experiments/results/result_writer.h"
#include "experiments/run/experiment_run.h"
#include "experiments/run/limits.h"
#include "experiments/run/output_folder.h"
#include "experiments/run/provenance.h"
#include "experiments/run/resume.h"
#include "experiments/run/shared_training.h"
#include "experiments/run/shared_variants.h"
#include "experiments/run/sweep.h"
#include "experiments/run/training_time.h"
#include "framework/base/gemm.h"
#include "framework/base/ranks.h"

namespace quantdyn {
namespace {

/// "3 finished snapshots and a checkpoint"; and why it is not the last state's.
std::string kept_by(ResultWriter& writer) {
  const std::string problem = writer.checkpoint_problem();
  return fmt::format("{} finished snapshot{} and {}{}", writer.snapshots(),
                     writer.snapshots() == 1 ? "" : "s",
                     writer.checkpoints().names().empty() ? "no checkpoint" : "a checkpoint",
                     problem.empty() ? "" : "; the last state could not be saved: " + problem);
}

/// Where a file's relative paths start, wherever the program runs.
std::filesystem::path folder_of(const std::filesystem::path& config) {
  return std::filesystem::canonical(std::filesystem::absolute(config).parent_path());
}

/// What sharing the run cost, as rank 0 saw it.
void add_traffic(ResultWriter& writer) {
  const Traffic traffic = ranks().traffic();
  writer.add_provenance("ranks", int64_t{ranks().count()});
  writer.add_provenance("exchanges", traffic.exchanges);
  writer.add_provenance("exchanged_bytes", traffic.bytes);
  writer.add_provenance("later_exchanges", traffic.later_exchanges);
  writer.add_provenance("later_exchanged_bytes", traffic.later_bytes);
  writer.add_provenance("exchange_seconds", traffic.seconds);
}

}  // namespace

RunReport run_one(const RunRequest& request, ProgressSink& sink) {
  start_gemm();
  Experiment experiment = experiment_of(request);
  RunFacts facts = facts_of(experiment, request.command_line);
  if (ranks().rank() == 0) {
    require_usable(experiment.output);
    require_limits({{experiment.name, experiment.output, estimate(experiment)}}, request, sink);
  }
  if (!is_alone()) agree(experiment, facts);
  if (ranks().rank() > 0) {
    const StopFlag never;  // rank 0 stops, and ends all
    VariantMaker maker(stoppable(experiment, never));
    make_variants_along(experiment, maker, train_along(experiment, maker));
    return {experiment.name};
  }
  facts.provenance.emplace_back("config_folder", folder_of(request.config).string());
  ResultWriter writer(experiment.output, facts,
                      request.force ? Overwrite::replace : Overwrite::refuse, Leftovers::keep);
  std::optional<State> state = state_to_resume(writer, facts, request.interrupted, sink);
  const StopFlag never;
  ExperimentRun run(experiment, writer, sink, request.stop ? *request.stop : never,
                    std::move(state));
  forget_failure(experiment.output);
  try {
    run.train();
    run.quantize();
  } catch (const Stopped& stopped) {
    writer.wait();
    throw Stopped(stopped.signal(),
                  fmt::format("{}: stopped at {}; {} holds {}", experiment.name, run.place(),
                              experiment.output.string(), kept_by(writer)));
  } catch (const std::exception& e) {
    note_failure(experiment.output, e.what());
    throw;
  }
  const std::vector<std::string> resumptions = writer.checkpoints().resumptions();
  writer.add_provenance("resumed", std::ssize(resumptions));
  if (!resumptions.empty())
    writer.add_provenance("resumed_at", fmt::format("{}", fmt::join(resumptions, "\n")));
  writer.add_provenance("seconds", run.seconds());
  writer.add_provenance("peak_memory_mib", peak_memory_mib());
  if (!is_alone()) add_traffic(writer);
  if (!run.failures().empty())
    writer.add_provenance("failures", fmt::format("{}", fmt::join(run.failures(), "\n")));
  writer.finish();
  return {experiment.name, writer.result_path(),
          summary_of(ResultReader(open_own_result(writer.result_path()))), run.failures()};
}

std::vector<RunReport> run_experiment(const RunRequest& request, ProgressSink& progress) {
  const std::vector<RunRequest> runs = runs_of(request);
  if (runs.front().member.name.empty()) return {run_one(request, progress)};
  if (!is_alone())
    throw_error<ConfigError>(
        "{}: a sweep started as {} processes; accepted: one process, or a file without `sweep`",
        request.config.string(), ranks().count());
  return run_sweep(runs, progress);
}

std::vector<RunPlan> validate_experiment(const RunRequest& request) {
  std::vector<RunPlan> out;
  std::vector<PlannedRun> planned;
  for (const RunRequest& run : runs_of(request)) {
    const Experiment experiment = experiment_of(run);
    require_usable(experiment.output);
    planned.push_back({experiment.name, experiment.output, estimate(experiment)});
    const LoaderSettings& loader = experiment.train.loader;
    out.push_back(
        {experiment.name, experiment.network->trained_count(), experiment.data->train->size(),
         experiment.data->test->size(), experiment.train.epochs,
         static_cast<int64_t>(experiment.variants.size()), planned.back().estimate,
         fmt::format("{}\n{}\n{}\n{}\n{}", experiment.network_yaml, experiment.network_sha256,
                     loader.batch_size, loader.micro_batch, experiment.train.steps_per_epoch),
         micro_batch_text(experiment)});
  }
  SilentProgress unseen;
  require_limits(planned, request, unseen);
  return out;
}

double sweep_training_seconds(const RunRequest& request, const std::vector<RunPlan>& plans) {
  const std::vector<RunRequest> runs = runs_of(request);
  std::map<std::string, double> seconds_per_epoch;
  double out = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].epochs == 0) continue;
    const auto [found, is_new] = seconds_per_epoch.emplace(plans[i].trains_alike, 0);
    if (is_new) {
      Experiment experiment = experiment_of(runs.at(i));
      found->second = training_seconds(experiment) / static_cast<double>(plans[i].epochs);
    }
    out += found->second * static_cast<double>(plans[i].epochs);
  }
  return out;
}

}  // namespace quantdyn
