// Schedules: the learning rate at every step (framework/schedules/).
#pragma once

#include "framework/config/registry.h"

namespace quantdyn {

/// How long a training is.
struct TrainingLength {
  int64_t steps_per_epoch;
  int64_t epochs;

  int64_t steps() const { return steps_per_epoch * epochs; }
};

/// The learning rate by step: first a linear warm-up, which all schedules share, then the
/// schedule's own rate.
///
/// With a warm-up of W steps, step s < W has the rate learning_rate (start + (1 - start) s / W)
/// (Goyal et al. 2017).
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// For step 0 ... steps() - 1 of the whole training.
  double rate(int64_t step) const;

 protected:
  /// When a rate may change.
  enum class Every { step, epoch };

  /// Reads `learning_rate`, `warmup_epochs`, `warmup_steps` and `warmup_start`.
  Schedule(const Options& options, TrainingLength length);
  /// Reads `every`, for schedules that can change within an epoch.
  static Every read_every(const Options& options);
  /// Refuses a warm-up that is set twice or longer than training; called after Options::finish().
  void check(const Options& options);

  /// The rate from the end of the warm-up on; `step` counts from the start of the training.
  virtual double rate_after_warmup(int64_t step) const = 0;

  /// The last step, not after `step`, at which a rate may change.
  int64_t last_change(int64_t step, Every every) const;
  double learning_rate() const { return learning_rate_; }
  TrainingLength length() const { return length_; }
  int64_t warmup_steps() const { return warmup_steps_; }

 private:
  TrainingLength length_;
  double learning_rate_, warmup_epochs_;
  int64_t warmup_steps_;
  double warmup_start_;
};

using ScheduleRegistry = Registry<Schedule, TrainingLength>;
using RegisteredSchedule = Registered<Schedule, TrainingLength>;

}  // namespace quantdyn
