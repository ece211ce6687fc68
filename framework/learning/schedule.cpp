#include "framework/learning/schedule.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace quantdyn {

Schedule::Schedule(const Options& options, TrainingLength length)
    : length_(length),
      learning_rate_(options.number("learning_rate", Options::required, accept::over(0.0),
                                    "after the warm-up")),
      warmup_epochs_(options.number("warmup_epochs", 0, accept::between(0.0, 1e6),
                                    "epochs of linear warm-up at the start")),
      warmup_steps_(options.integer("warmup_steps", 0, accept::at_least<int64_t>(0),
                                    "the same in steps; set only one")),
      warmup_start_(options.number("warmup_start", 0, accept::between(0.0, 1.0),
                                   "first rate of the warm-up, as a share of learning_rate")) {}

void Schedule::check(const Options& options) {
  if (warmup_epochs_ > 0 && warmup_steps_ > 0)
    options.refuse("warmup_steps", fmt::format("found {} with warmup_epochs {}, accepted: only "
                                               "one of them over 0",
                                               warmup_steps_, warmup_epochs_));
  if (warmup_epochs_ > 0)
    warmup_steps_ = std::llround(warmup_epochs_ * static_cast<double>(length_.steps_per_epoch));
  if (length_.epochs > 0 && warmup_steps_ > length_.steps())
    options.refuse(warmup_epochs_ > 0 ? "warmup_epochs" : "warmup_steps",
                   fmt::format("the warm-up takes {} steps, accepted: up to the training's {}",
                               warmup_steps_, length_.steps()));
}

Schedule::Every Schedule::read_every(const Options& options) {
  return options.choice<Every>("every", Every::step,
                               {{"step", Every::step}, {"epoch", Every::epoch}},
                               "how often the rate changes after the warm-up");
}

int64_t Schedule::last_change(int64_t step, Every every) const {
  if (every == Every::step) return step;
  return std::max(step / length_.steps_per_epoch * length_.steps_per_epoch, warmup_steps_);
}

double Schedule::rate(int64_t step) const {
  assert(step >= 0 && step < length_.steps());
  if (step >= warmup_steps_) return rate_after_warmup(step);
  const double risen = static_cast<double>(step) / static_cast<double>(warmup_steps_);
  return learning_rate_ * (warmup_start_ + (1 - warmup_start_) * risen);
}

}  // namespace quantdyn
