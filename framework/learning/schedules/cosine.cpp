#include <cmath>
#include <numbers>

#include "framework/learning/schedule.h"

namespace quantdyn {
namespace {

/// final + (learning_rate - final) / 2 (1 + cos(pi s / S)), s of S steps after the warm-up
/// (Loshchilov & Hutter 2017, equation 5, without restarts).
class Cosine final : public Schedule {
 public:
  Cosine(const Options& options, TrainingLength length)
      : Schedule(options, length),
        final_(options.number("final", 0, accept::at_least(0.0), "learning rate at the end")),
        every_(read_every(options)) {
    options.finish();
    check(options);
  }

 protected:
  double rate_after_warmup(int64_t step) const override {
    const auto done = static_cast<double>(last_change(step, every_) - warmup_steps());
    const auto all = static_cast<double>(length().steps() - warmup_steps());
    const double share = (1 + std::cos(std::numbers::pi * done / all)) / 2;
    return final_ + (learning_rate() - final_) * share;
  }

 private:
  double final_;
  Every every_;
};

const RegisteredSchedule cosine{
    "cosine", "half a cosine from the learning rate to `final` over the whole training",
    [](const Options& o, TrainingLength length) { return std::make_unique<Cosine>(o, length); }};

}  // namespace
}  // namespace quantdyn
