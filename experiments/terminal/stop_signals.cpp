#include "experiments/terminal/stop_signals.h"

#include <csignal>

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

void handle(int signal) {
  requested.request(signal);
  restore_defaults();
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
