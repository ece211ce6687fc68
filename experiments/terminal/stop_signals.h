// Ctrl-C and a scheduler's SIGTERM, as a request to stop.
#pragma once

#include "framework/base/stop_flag.h"

namespace quantdyn {

/// While it exists, the first SIGINT or SIGTERM sets the flag; a second one, 0.2 s after it or
/// later, ends the process at once. A signal that the process was started to ignore stays ignored.
/// One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const StopFlag& flag() const;
};

}  // namespace quantdyn
