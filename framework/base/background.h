// A background thread that runs jobs in the order they arrive: results are written during a run.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace quantdyn {

/// Runs jobs one after another. What a job throws is thrown again by the next push() or wait(), and
/// the jobs after it are dropped.
class Background {
 public:
  /// push() waits while this many jobs (>= 1) have not started.
  explicit Background(size_t most_waiting);
  /// Finishes the remaining jobs; their exceptions are lost, so call wait() first.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void push(std::function<void()> job);
  /// Returns when all jobs are done.
  void wait();

 private:
  void run();
  void rethrow();

  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::exception_ptr failure_;
  bool is_busy_ = false, is_ending_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace quantdyn
