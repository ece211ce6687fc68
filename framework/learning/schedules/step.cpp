#include <algorithm>
#include <cmath>

#include "framework/learning/schedule.h"

namespace quantdyn {
namespace {

/// learning_rate factor^k, k the number of `epochs` passed, counted from the start of training.
class Step final : public Schedule {
 public:
  Step(const Options& options, TrainingLength length)
      : Schedule(options, length),
        epochs_(options.numbers("epochs", Options::required, accept::over(0.0),
                                "when the rate drops, in ascending order; may be fractions")),
        factor_(options.number("factor", 0.1, {.low = 0, .high = 1, .low_excluded = true},
                               "what the rate is multiplied by")),
        every_(read_every(options)) {
    options.finish();
    check(options);
    if (std::ranges::adjacent_find(epochs_, std::greater_equal()) != epochs_.end())
      options.refuse("epochs",
                     "the numbers do not ascend, accepted: each larger than the one before");
  }

 protected:
  double rate_after_warmup(int64_t step) const override {
    const double epoch = static_cast<double>(last_change(step, every_)) /
                         static_cast<double>(length().steps_per_epoch);
    const auto passed = std::ranges::count_if(epochs_, [&](double e) { return e <= epoch; });
    return learning_rate() * std::pow(factor_, static_cast<double>(passed));
  }

 private:
  std::vector<double> epochs_;
  double factor_;
  Every every_;
};

const RegisteredSchedule step{
    "step", "multiplied by a factor at given epochs",
    [](const Options& o, TrainingLength length) { return std::make_unique<Step>(o, length); }};

}  // namespace
}  // namespace quantdyn
