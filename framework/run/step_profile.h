// Where a plan's time goes: what each pass of each step took, computed and moved.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace quantdyn {

/// One pass of one step. In training a visit is a batch, on all workers; in evaluation a chunk of
/// eight images, on one worker.
struct PassProfile {
  double seconds = 0;  ///< of all visits, summed over the workers that made them
  int64_t visits = 0;
  double multiply_accumulates = 0;  ///< of one visit, as computed: Winograd needs fewer
  /// Of one visit: every array that the pass cannot do without, read or written once.
  double bytes = 0;
};

/// A step and its passes; in evaluation there is no backward.
struct StepProfile {
  std::vector<int> nodes;  ///< {0}: the copy of the images
  PassProfile forward, backward;
  bool sums_codes = false;  ///< its multiply-accumulates are those of integers
};

/// Adds the seconds since the last call, or since it was made, to one place after the other. Does
/// nothing, not even read the clock, without a list of places.
class Laps {
 public:
  explicit Laps(std::vector<double>* seconds) : seconds_(seconds) {
    if (seconds_) last_ = Clock::now();
  }
  void end(size_t place) {
    if (!seconds_) return;
    const Clock::time_point now = Clock::now();
    (*seconds_)[place] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<double>* const seconds_;
  Clock::time_point last_;
};

}  // namespace quantdyn
