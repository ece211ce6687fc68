#include "experiments/sweep/slurm_job.h"

#include "experiments/text/shell_word.h"
#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

/// `#SBATCH --key="value"`; sbatch reads quotes and backslashes as a shell does, but no variables.
std::string line(const std::string& option) {
  const size_t equals = option.find('=');
  std::string out = "#SBATCH " + option.substr(0, equals);
  if (option.find_first_of("\n\r") != std::string::npos || !option.starts_with("--"))
    throw_error<ConfigError>("sweep slurm: '{}': accepted: one option of sbatch in its long form",
                             quotable(option));
  if (equals == std::string::npos) return out + "\n";
  out += "=\"";
  for (const char c : option.substr(equals + 1)) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"\n";
}

/// A path in which Slurm is to replace nothing.
std::string plain_path(const std::filesystem::path& path) {
  std::string out;
  for (const char c : path.string()) {
    if (c == '\\' || c == '\n')  // Slurm takes a backslash out of a path and replaces nothing then
      throw_error<ConfigError>(
          "{}: Slurm cannot write its logs there; accepted: a path without backslash and line end",
          quotable(path.string()));
    out += c == '%' ? "%%" : std::string(1, c);
  }
  return out;
}

std::string command(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) out.push_back(shell_word(word));
  return fmt::format("{}", fmt::join(out, " "));
}

std::string head(const SlurmJob& job, const std::string& name, const std::string& log,
                 std::vector<std::string> options) {
  options.push_back("--job-name=" + name);
  options.push_back("--chdir=" + job.start.string());
  options.push_back("--output=" + plain_path(job.logs) + "/" + log);
  for (const auto& [key, value] :
       {std::pair{"--partition=", job.partition}, {"--time=", job.time}, {"--mem=", job.memory}})
    if (!value.empty()) options.push_back(key + value);
  options.insert(options.end(), job.options.begin(), job.options.end());
  std::string out = "#!/bin/bash\n# Written by `quantdyn sweep slurm`.\n";
  for (const std::string& option : options) out += line(option);
  return out;
}

// Slurm sends its SIGTERM to all processes of a task, so the shell passes on nothing: the program
// takes a second signal for an order to end at once. SIGUSR1 reaches the shell alone. A wait that a
// signal interrupts is repeated; bash then still knows the status of a program that has ended.
constexpr const char* body = R"(
near_limit=
trap 'interrupted=1' TERM
trap 'interrupted=1; near_limit=1; kill -TERM "$program"' USR1
{} --threads {} --member "$SLURM_ARRAY_TASK_ID" &
program=$!
while interrupted=; wait "$program"; status=$?; [ -n "$interrupted" ]; do :; done
if [ -n "$near_limit" ] && [ "$status" -eq 143 ]; then
  if [ "$SECONDS" -le {} ]; then
    echo "stopped after $SECONDS seconds because the time limit is near: --time is too short for a --notice of {} seconds" >&2
    exit 1
  fi
  exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
)";

}  // namespace

std::string members_script(const SlurmJob& job) {
  const std::string limit = job.at_once > 0 ? fmt::format("%{}", job.at_once) : "";
  return head(job, job.name, "%A_%a.log",
              {fmt::format("--array=1-{}{}", job.members, limit),
               fmt::format("--cpus-per-task={}", job.cpus), "--requeue", "--open-mode=append",
               fmt::format("--signal=B:USR1@{}", job.notice)}) +
         fmt::format(fmt::runtime(body), command(job.member), job.cpus, job.notice, job.notice);
}

std::string table_script(const SlurmJob& job) {
  return head(job, job.name + "-table", "table-%j.log", {}) + "\nexec " + command(job.table) + "\n";
}

}  // namespace quantdyn
