// `quantdyn sweep slurm`.
#include "experiments/commands/experiment_options.h"
#include "experiments/run/sweep.h"
#include "experiments/sweep/sbatch.h"
#include "experiments/sweep/slurm_job.h"
#include "experiments/terminal/output.h"
#include "experiments/text/shell_word.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

constexpr const char* command = "sweep slurm";

po::options_description options() {
  po::options_description out = experiment_options();
  auto add = out.add_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  const auto number = [](const char* name, int64_t value) {
    return po::value<int64_t>()->value_name(name)->default_value(value);
  };
  add("submit", po::bool_switch(), "submit the jobs, too");
  add("partition", text("NAME"), "Slurm's partition");
  add("time", text("TIME"), "time limit of a member, as Slurm writes it: 4:00:00");
  add("cpus", number("N", 1), "cores of a member, and its threads");
  add("memory", text("SIZE"), "memory of a member, as Slurm writes it: 4G");
  add("at-once", number("N", 0), "members that may run at the same time; 0: all");
  add("notice", number("S", 120),
      "seconds before its time limit at which a member is stopped, to go on when it is queued "
      "again");
  add("sbatch", po::value<std::vector<std::string>>()->composing()->value_name("OPTION"),
      "another option of sbatch for both jobs, as in --sbatch=--account=vision; may be repeated");
  return out;
}

int64_t number(const CommandCall& call, const char* name, int64_t least) {
  const int64_t out = *call.value<int64_t>(name);
  if (out < least)
    throw_error<ConfigError>("{}: --{} {}: accepted: {} or more", command, name, out, least);
  return out;
}

SlurmJob job_of(const CommandCall& call, const std::vector<RunRequest>& members) {
  const fs::path output = fs::absolute(members.front().output).parent_path();
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  po::options_description experiment = experiment_options(), file;
  add_file_options(file);
  SlurmJob out{.name = output.filename().string(),
               .members = std::ssize(members),
               .at_once = number(call, "at-once", 0),
               .start = fs::current_path(),
               .logs = output / "slurm",
               .member = {program, "sweep", "run", call.files.front()},
               .table = {program, "sweep", "table", call.files.front()},
               .partition = call.value<std::string>("partition").value_or(""),
               .time = call.value<std::string>("time").value_or(""),
               .memory = call.value<std::string>("memory").value_or(""),
               .cpus = number(call, "cpus", 1),
               .notice = number(call, "notice", 1),
               .options = call.value<std::vector<std::string>>("sbatch").value_or(
                   std::vector<std::string>{})};
  std::ranges::copy(words_of(call, experiment), std::back_inserter(out.member));
  std::ranges::copy(words_of(call, file), std::back_inserter(out.table));
  out.table.insert(out.table.end(), {"--file", (output / "table.txt").string(), "--force"});
  return out;
}

/// Submits both jobs. What was submitted before a refusal stays.
void submit(const fs::path& members, const fs::path& table) {
  std::string array, last;
  try {
    array = submit_job({members.string()});
    last = submit_job({"--dependency=afterany:" + array, table.string()});
  } catch (const Error& e) {
    if (array.empty())
      throw_error<ConfigError>("{}: {}; written, but not submitted: {}", command, e.what(),
                               members.parent_path().string());
    throw_error("{}: {}; the array job {} is submitted, but not {}", command, e.what(), array,
                table.string());
  }
  print_result(
      fmt::format("submitted: array job {}, and after it job {} for the table\n", array, last));
}

void slurm(const CommandCall& call) {
  const std::vector<RunRequest> runs = sweep_of(command, request_of(command, call));
  for (const RunRequest& run : runs) experiment_of(run);  // mistakes are found before they wait
  const SlurmJob job = job_of(call, runs);
  const std::string of_members = members_script(job), of_table = table_script(job);
  const fs::path members = job.logs / "members.sh", table = job.logs / "table.sh";
  std::error_code error;
  fs::create_directories(job.logs, error);
  if (error)
    throw_error<ConfigError>("{}: {}: cannot be created: {}", command, job.logs.string(),
                             error.message());
  write_durably(members, of_members);
  write_durably(table, of_table);
  print_result(fmt::format("written: {} for {} members, {}\n", members.string(), job.members,
                           table.string()));
  if (call.has("submit")) return submit(members, table);
  print_result(fmt::format("to submit: sbatch --dependency=afterany:$(sbatch --parsable {}) {}\n",
                           shell_word(members.string()), shell_word(table.string())));
}

}  // namespace

Command sweep_slurm_command() {
  return {command,
          "CONFIG",
          "jobs of Slurm that run the members of a sweep",
          options(),
          slurm,
          "quantdyn sweep slurm experiments/study/families.yaml --partition long --time 4:00:00"};
}

}  // namespace quantdyn
