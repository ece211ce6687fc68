// What a user sees while long work runs: a bar on a terminal, plain lines elsewhere.
#pragma once

#include "framework/base/progress_sink.h"

namespace quantdyn {

/// Progress on the standard error stream. On a terminal the bar of a piece of work is drawn again
/// at most ten times a second; elsewhere a line is printed now and then.
class TerminalProgress final : public ProgressSink {
 public:
  explicit TerminalProgress(double seconds_between_lines = 30)
      : seconds_between_lines_(seconds_between_lines) {}
  std::unique_ptr<WorkProgress> begin(const std::string& title, int64_t total,
                                      const std::string& unit, int64_t done) override;
  void line(const std::string& text) override;

 private:
  double seconds_between_lines_;
};

}  // namespace quantdyn
