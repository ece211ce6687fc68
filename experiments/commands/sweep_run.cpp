// `quantdyn sweep run`.
#include "experiments/commands/experiment_options.h"
#include "experiments/commands/run_and_print.h"
#include "experiments/commands/sweep_jobs.h"
#include "experiments/run/sweep.h"
#include "experiments/sweep/member_choice.h"
#include "framework/base/error.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

constexpr const char* command = "sweep run";

po::options_description options() {
  po::options_description out = run_options();
  auto add = out.add_options();
  add("member", po::value<std::string>()->value_name("WHICH"),
      "only these members: numbers and names that `sweep list` prints, ranges as in 2-5, several "
      "with commas");
  add("jobs", po::value<int>()->value_name("N"),
      "N members at a time, each in a process with its share of the threads (1)");
  return out;
}

/// `quantdyn sweep run` of one member, with the options of `call` that decide how it runs.
std::vector<std::string> arguments_of(const CommandCall& call, const SweepMember& member,
                                      int threads) {
  std::vector<std::string> out{"quantdyn",   "sweep",
                               "run",        call.files.front(),
                               "--member",   std::to_string(member.number),
                               "--threads",  std::to_string(threads),
                               "--progress", "5"};
  std::ranges::copy(words_of(call, run_options()), std::back_inserter(out));
  return out;
}

int jobs_of(const CommandCall& call) {
  const int jobs = call.value<int>("jobs").value_or(1);
  if (jobs < 1 || jobs > 1024)
    throw_error<ConfigError>("--jobs {}: accepted: from 1 to 1024", jobs);
  return jobs;
}

std::vector<RunRequest> chosen(std::vector<RunRequest> members,
                               const std::optional<std::string>& choice) {
  if (!choice) return members;
  std::vector<std::string> names;
  for (const RunRequest& run : members) names.push_back(run.member.name);
  std::vector<RunRequest> out;
  for (const size_t i : chosen_members(*choice, names)) out.push_back(std::move(members[i]));
  return out;
}

void run(const CommandCall& call) {
  const auto choice = call.value<std::string>("member");
  const int jobs = jobs_of(call);
  const SweepJobs how{
      jobs, worker_count(), call.has("quiet"),
      [&](const SweepMember& member, int threads) { return arguments_of(call, member, threads); }};
  run_and_print(command, call, [&](const RunRequest& request, ProgressSink& progress) {
    const std::vector<RunRequest> runs = chosen(sweep_of(command, request), choice);
    return jobs == 1 ? run_sweep(runs, progress) : run_sweep_jobs(runs, how, progress);
  });
}

}  // namespace

Command sweep_run_command() {
  return {command,   "CONFIG", "run the members of a sweep, or some of them",
          options(), run,      "quantdyn sweep run experiments/study/families.yaml --jobs 2"};
}

}  // namespace quantdyn
