// How a run is asked to stop before its end, and the exception that ends it then.
#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <utility>

namespace quantdyn {

/// Thrown by a run that was asked to stop; not an Error, because nothing is wrong.
class Stopped final : public std::exception {
 public:
  explicit Stopped(int signal, std::string message = "stopped")
      : signal_(signal), message_(std::move(message)) {}
  int signal() const { return signal_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int signal_;
  std::string message_;
};

/// Set by a signal handler, or from any thread; asked wherever a run can stop.
class StopFlag {
 public:
  void request(int signal) noexcept { signal_.store(signal); }
  /// That asked for a stop; 0: none did.
  int signal() const noexcept { return signal_.load(); }
  /// Throws Stopped if a stop was requested.
  void check() const {
    if (const int asked = signal()) throw Stopped(asked);
  }

 private:
  static_assert(std::atomic<int>::is_always_lock_free);  // else no handler could set it
  std::atomic<int> signal_{0};
};

}  // namespace quantdyn
