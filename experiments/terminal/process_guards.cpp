#include "experiments/terminal/process_guards.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace quantdyn {
namespace {

/// Else the next file that is opened, a result, would take a closed stream's number and its text.
void open_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) == -1) ::open("/dev/null", O_RDWR);  // the lowest free number
}

bool is_address_space_limited() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/// Runs in a signal handler: only calls that are allowed there.
void end_without_memory(int) {
  constexpr std::string_view message =
      "quantdyn: out of memory: a library crashed, most likely because it got none; accepted: a "
      "larger limit of the address space (ulimit -v), or fewer --threads\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
  ::_exit(1);
}

/// Where an allocation fails, BLIS aborts, and libhdf5 follows a null pointer or calls exit(-1).
void report_crashes_without_memory() {
  static std::array<char, 1 << 14> space;  // the crash may be a stack that could not grow
  stack_t stack{};
  stack.ss_sp = space.data();
  stack.ss_size = space.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = end_without_memory;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT}) ::sigaction(signal, &action, nullptr);
  ::on_exit(
      [](int status, void*) {
        if (status == -1) end_without_memory(0);
      },
      nullptr);
}

}  // namespace

void guard_process() {
  open_closed_streams();
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)std::signal(SIGXFSZ, SIG_IGN);
  if (is_address_space_limited()) report_crashes_without_memory();
}

}  // namespace quantdyn
