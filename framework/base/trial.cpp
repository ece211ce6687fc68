#include "framework/base/trial.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr int survived = 0;

[[noreturn]] void run(unsigned seconds, const std::function<void()>& act) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  std::signal(SIGALRM, SIG_DFL);
  ::alarm(seconds);
  try {
    act();
  } catch (...) {  // the caller's own run will throw it, too
  }
  ::_exit(survived);
}

}  // namespace

void try_in_child(const std::string& what, unsigned seconds, const std::function<void()>& act) {
  const auto handler = std::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the status away
  const pid_t child = ::fork();
  if (child < 0)
    throw_error("{}: cannot start a process to try it in: {}", what, std::strerror(errno));
  if (child == 0) run(seconds, act);
  int status = 0;
  pid_t ended = -1;
  do ended = ::waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  std::signal(SIGCHLD, handler);
  if (ended < 0) throw_error("{}: lost the process that tried it: {}", what, std::strerror(errno));
  if (WIFEXITED(status) && WEXITSTATUS(status) == survived) return;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    throw_error("{}: took more than {} s", what, seconds);
  throw_error("{}: crashed{}", what,
              WIFSIGNALED(status) ? fmt::format(" ({})", strsignal(WTERMSIG(status))) : "");
}

void try_reading(const std::filesystem::path& file, unsigned seconds,
                 const std::function<void()>& act) try {
  try_in_child(file.string() + ": libhdf5 cannot read this file, which must be damaged", seconds,
               act);
} catch (const Error& e) {
  throw_error<ConfigError>("{}", e.what());
}

}  // namespace quantdyn
