// Where long work tells how far it is: the library prints nothing itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace quantdyn {

/// One piece of work that is under way; it has ended when this object is destroyed.
class WorkProgress {
 public:
  virtual ~WorkProgress() = default;
  /// `done` units are finished in all; `note` says what is being done. Called often.
  virtual void update(int64_t done, const std::string& note) = 0;
};

/// Supplied by whoever starts the work; called from the thread that starts it. Pieces of work may
/// lie within one another.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// A piece of work of `total` units begins; `unit` names what is counted: "images". `done` of
  /// them were finished before, by a run that this one resumes.
  virtual std::unique_ptr<WorkProgress> begin(const std::string& title, int64_t total,
                                              const std::string& unit, int64_t done) = 0;
  /// A line of text that stays.
  virtual void line(const std::string& text) = 0;
};

/// Shows nothing.
class SilentProgress final : public ProgressSink {
 public:
  std::unique_ptr<WorkProgress> begin(const std::string&, int64_t, const std::string&,
                                      int64_t) override {
    class Silent final : public WorkProgress {
      void update(int64_t, const std::string&) override {}
    };
    return std::make_unique<Silent>();
  }
  void line(const std::string&) override {}
};

}  // namespace quantdyn
