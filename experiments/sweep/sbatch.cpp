#include "experiments/sweep/sbatch.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/printable.h"

namespace quantdyn {
namespace {

/// Both streams of a program up to its end, and its status.
struct Outcome {
  std::string text;
  int status;
};

Outcome outcome_of(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw_error("{}: {}", words.front(), std::strerror(errno));
  posix_spawn_file_actions_t streams;
  ::posix_spawn_file_actions_init(&streams);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_adddup2(&streams, pipe[1], stream);
  pid_t child = -1;
  const int problem =
      ::posix_spawnp(&child, words.front().c_str(), &streams, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&streams);
  ::close(pipe[1]);
  Outcome out{};
  std::array<char, 4096> buffer;
  for (ssize_t count = 1; problem == 0 && count != 0;) {
    count = ::read(pipe[0], buffer.data(), buffer.size());
    if (count < 0 && errno != EINTR) break;
    if (count > 0) out.text.append(buffer.data(), static_cast<size_t>(count));
  }
  ::close(pipe[0]);
  if (problem == ENOENT)
    throw_error<ConfigError>("{}: no such command here; accepted: a machine that submits to Slurm",
                             words.front());
  if (problem != 0) throw_error("{}: {}", words.front(), std::strerror(problem));
  while (::waitpid(child, &out.status, 0) < 0 && errno == EINTR) continue;
  return out;
}

/// "invalid partition specified: x; Batch job submission failed: ..." of sbatch's lines.
std::string in_one_line(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    for (const char* prefix : {"sbatch: ", "error: "})
      if (line.starts_with(prefix)) line.erase(0, std::strlen(prefix));
    if (!line.empty()) parts.push_back(quotable(line));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

std::string submit_job(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"sbatch", "--parsable"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Outcome outcome = outcome_of(std::move(words));
  if (outcome.status != 0)
    throw_error<ConfigError>("sbatch refuses: {}", in_one_line(outcome.text));
  // Warnings may come before the last line, which is "NUMBER" or "NUMBER;CLUSTER".
  std::string number;
  std::istringstream in(outcome.text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) number = line.substr(0, line.find(';'));
  if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos)
    throw_error("sbatch: answers '{}' instead of a job's number", quotable(outcome.text));
  return number;
}

}  // namespace quantdyn
