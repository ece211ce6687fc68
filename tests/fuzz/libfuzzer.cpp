// The entry that libFuzzer calls; QUANTDYN_FUZZ_TARGET is the target's function.
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/targets.h"

namespace {

std::atomic<uint64_t> ends = 0;  // begins and ends of inputs so far: odd within one

/// Every second of processor time. libFuzzer's own limit is by the clock, which goes on while
/// other programs have the processor.
void end_what_lasts(int) {
  static uint64_t before = 0;
  static int seconds = 0;  // since the input was first seen here
  const uint64_t now = ends;
  seconds = now == before && now % 2 == 1 ? seconds + 1 : 0;
  before = now;
  if (seconds < 2) return;
  constexpr std::string_view reason = "took over 2 s\n";
  if (::write(STDERR_FILENO, reason.data(), reason.size()) < 0) ::_exit(1);
  std::abort();
}

void watch() {
  struct sigaction action {};
  action.sa_handler = end_what_lasts;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGPROF, &action, nullptr);
  const itimerval second{{1, 0}, {1, 0}};
  ::setitimer(ITIMER_PROF, &second, nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (ends == 0) watch();
  ++ends;
  quantdyn::test::QUANTDYN_FUZZ_TARGET({data, size});
  ++ends;
  return 0;
}
