// A sink that keeps the lines of a run, and what is done at a sign of life.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/base/progress_sink.h"
#include "tests/errors.h"

namespace quantdyn::test {

/// Keeps all lines; sees each sign of life.
class LineKeeper : public ProgressSink {
 public:
  std::unique_ptr<WorkProgress> begin(const std::string&, int64_t, const std::string&,
                                      int64_t done) final {
    done_before.push_back(done);
    struct Seen final : WorkProgress {
      explicit Seen(LineKeeper& keeper) : keeper_(keeper) {}
      void update(int64_t, const std::string&) override { keeper_.see(""); }
      LineKeeper& keeper_;
    };
    return std::make_unique<Seen>(*this);
  }
  void line(const std::string& text) final {
    lines += text + "\n";
    see(text);
  }

  std::string lines;
  std::vector<int64_t> done_before;  // of each piece of work

 private:
  /// A line, or "" where work goes on.
  virtual void see(const std::string& text) = 0;
};

/// Does each act once, at the first line that contains its text.
class AtLine final : public LineKeeper {
 public:
  using Acts = std::vector<std::pair<std::string, std::function<void()>>>;

  explicit AtLine(Acts acts = {}) : acts_(std::move(acts)) {}

 private:
  void see(const std::string& text) override {
    for (auto& [part, act] : acts_)
      if (act && contains(text, part)) std::exchange(act, nullptr)();
  }

  Acts acts_;
};

}  // namespace quantdyn::test
