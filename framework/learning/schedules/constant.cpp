#include "framework/learning/schedule.h"

namespace quantdyn {
namespace {

class Constant final : public Schedule {
 public:
  Constant(const Options& options, TrainingLength length) : Schedule(options, length) {
    options.finish();
    check(options);
  }

 protected:
  double rate_after_warmup(int64_t) const override { return learning_rate(); }
};

const RegisteredSchedule constant{
    "constant", "one learning rate",
    [](const Options& o, TrainingLength length) { return std::make_unique<Constant>(o, length); }};

}  // namespace
}  // namespace quantdyn
