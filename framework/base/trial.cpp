#include "framework/base/trial.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr int reported = 0;
constexpr size_t longest_report = 4096;  // fits into a pipe that nobody reads yet

/// How `act` ended; the first byte of what the child writes into the pipe.
enum class Ending : char { done = 'd', error = 'e', config_error = 'c', memory = 'm', other = 'o' };

class Pipe {
 public:
  explicit Pipe(const std::string& what) {
    if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0)
      throw_error("{}: cannot make a pipe: {}", what, std::strerror(errno));
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_) ::close(end);
  }
  void write(Ending ending, std::string_view message) const {
    std::string report(1, static_cast<char>(ending));
    report += message.substr(0, longest_report - 1);
    if (::write(ends_[1], report.data(), report.size()) < 0) ::_exit(1);
  }
  std::string read() const {
    std::string report(longest_report, '\0');
    const ssize_t length = ::read(ends_[0], report.data(), report.size());
    report.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
    return report;
  }

 private:
  int ends_[2];
};

/// Bytes of memory that count against RLIMIT_DATA; 0 where /proc is missing.
rlim_t data_now() {
  std::ifstream in("/proc/self/statm");
  rlim_t pages[6] = {};
  for (rlim_t& value : pages) in >> value;
  return in ? pages[5] * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

void lower(int resource, rlim_t value) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  limit.rlim_cur = std::min(limit.rlim_max, value);
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

void limit_child(pid_t parent, const TrialLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it has ended before it could be watched
  for (const int signal : {SIGALRM, SIGXCPU, SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    (void)std::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
#ifndef __SANITIZE_ADDRESS__
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // the C library's last words
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
#endif
  lower(RLIMIT_CORE, 0);
  lower(RLIMIT_DATA, data_now() + static_cast<rlim_t>(limits.memory));
  lower(RLIMIT_CPU, limits.seconds + 1);
  ::alarm(limits.seconds);
}

[[noreturn]] void run(const Pipe& pipe, const std::function<void()>& act) {
  try {
    act();
    pipe.write(Ending::done, "");
  } catch (const ConfigError& e) {
    pipe.write(Ending::config_error, e.what());
  } catch (const Error& e) {
    pipe.write(Ending::error, e.what());
  } catch (const std::bad_alloc&) {
    pipe.write(Ending::memory, "");
  } catch (const std::length_error&) {  // a vector of 2^62 values
    pipe.write(Ending::memory, "");
  } catch (const std::exception& e) {
    pipe.write(Ending::other, e.what());
  } catch (...) {
    pipe.write(Ending::other, "unknown exception");
  }
  ::_exit(reported);
}

[[noreturn]] void throw_signal(const std::string& what, int signal, const TrialLimits& limits) {
  if (signal == SIGALRM || signal == SIGXCPU)
    throw_error("{}: took more than {} s", what, limits.seconds);
  const bool is_asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP ||
                        signal == SIGQUIT || signal == SIGKILL;
  throw_error("{}: {} ({})", what, is_asked ? "was ended" : "crashed", strsignal(signal));
}

void throw_report(const std::string& what, const std::string& report, const TrialLimits& limits) {
  const std::string message = report.substr(1);
  switch (static_cast<Ending>(report[0])) {
    case Ending::done:
      return;
    case Ending::config_error:
      throw ConfigError(message);
    case Ending::error:
      throw Error(message);
    case Ending::memory:
      throw_error("{}: took more than {} MiB of memory", what, limits.memory >> 20);
    case Ending::other:
      throw_error("{}: {}", what, message);
  }
}

}  // namespace

void try_in_child(const std::string& what, const TrialLimits& limits,
                  const std::function<void()>& act) {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  // libFuzzer watches its own process
  act();
  return;
#endif
  const Pipe pipe(what);
  const auto handler = std::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the status away
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0)
    throw_error("{}: cannot start a process to try it in: {}", what, std::strerror(errno));
  if (child == 0) {
    limit_child(parent, limits);
    run(pipe, act);
  }
  int status = 0;
  pid_t ended = -1;
  do ended = ::waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  (void)std::signal(SIGCHLD, handler);
  if (ended < 0) throw_error("{}: lost the process that tried it: {}", what, std::strerror(errno));
  if (WIFSIGNALED(status)) throw_signal(what, WTERMSIG(status), limits);
  const std::string report = pipe.read();
  if (WEXITSTATUS(status) != reported || report.empty())
    throw_error("{}: ended with exit code {}", what, WEXITSTATUS(status));
  throw_report(what, report, limits);
}

void try_reading(const std::filesystem::path& file, unsigned seconds,
                 const std::function<void()>& act) try {
  constexpr int64_t slow_disk = 10'000'000, gibibyte = 1 << 30;  // bytes a second; bytes
  std::error_code missing;
  const uintmax_t found = std::filesystem::file_size(file, missing);
  const int64_t size = missing ? 0 : static_cast<int64_t>(found);
  const TrialLimits limits{seconds + static_cast<unsigned>(size / slow_disk), gibibyte + 16 * size};
  try_in_child(file.string() + ": libhdf5", limits, act);
} catch (const ConfigError&) {
  throw;
} catch (const Error& e) {
  throw ConfigError(e.what());
}

}  // namespace quantdyn
