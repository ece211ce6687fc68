#include "experiments/terminal/stop_signals.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace quantdyn {
namespace {

constexpr int signals[] = {SIGINT, SIGTERM};

StopFlag requested;  // a handler can reach nothing else

void restore_defaults() {
  struct sigaction default_action {};
  default_action.sa_handler = SIG_DFL;
  for (const int signal : signals) {
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN) ::sigaction(signal, &default_action, nullptr);
  }
}

/// Of the monotonic clock, which a handler may read.
int64_t milliseconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

std::atomic<int64_t> first_at{0};  // milliseconds(), once a signal came

// One request may come as several signals: Linux sends PR_SET_PDEATHSIG's for each thread of the
// parent that ends.
constexpr int64_t one_request = 200;

void handle(int signal) {
  if (requested.signal() == 0) {
    first_at = milliseconds();
    requested.request(signal);
  } else if (milliseconds() - first_at >= one_request) {
    restore_defaults();
    (void)::raise(signal);  // once this handler returns
  }
}

}  // namespace

StopSignals::StopSignals() {
  requested.request(0);
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;  // whoever writes a file needs not know of signals
  for (const int signal : signals) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

StopSignals::~StopSignals() { restore_defaults(); }

const StopFlag& StopSignals::flag() const { return requested; }

}  // namespace quantdyn
