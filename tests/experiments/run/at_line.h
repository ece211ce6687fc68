// Something done to a run when it prints a line.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/base/progress_sink.h"
#include "tests/errors.h"

namespace quantdyn::test {

/// Keeps all lines; does each act once, at the first line that contains its text.
class AtLine final : public ProgressSink {
 public:
  using Acts = std::vector<std::pair<std::string, std::function<void()>>>;

  explicit AtLine(Acts acts = {}) : acts_(std::move(acts)) {}
  std::unique_ptr<WorkProgress> begin(const std::string& title, int64_t total,
                                      const std::string& unit) override {
    return silent_.begin(title, total, unit);
  }
  void line(const std::string& text) override {
    lines += text + "\n";
    for (auto& [part, act] : acts_)
      if (act && contains(text, part)) std::exchange(act, nullptr)();
  }

  std::string lines;

 private:
  Acts acts_;
  SilentProgress silent_;
};

}  // namespace quantdyn::test
