#include "framework/learning/schedule.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numbers>
#include <string>

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(schedules)

namespace {
/// The rates of 3 epochs of 4 steps, learning_rate 8.
std::vector<double> rates(const std::string& options) {
  const TrainingLength length{4, 3};
  const auto schedule = ScheduleRegistry::instance().make(
      Options::from_text("{learning_rate: 8, " + options + "}", "test.yaml"), length);
  std::vector<double> out;
  for (int64_t step = 0; step < length.steps(); ++step) out.push_back(schedule->rate(step));
  return out;
}

void check_rates(const std::string& options, const std::vector<double>& expected) {
  const std::vector<double> found = rates(options);
  BOOST_TEST(found.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) < 1e-12,
               options << ", step " << i << ": " << found[i] << ", expected " << expected[i]);
}
}  // namespace

BOOST_AUTO_TEST_CASE(constant_stays) { check_rates("name: constant", std::vector<double>(12, 8)); }

BOOST_AUTO_TEST_CASE(step_drops_at_its_epochs) {
  check_rates("name: step, epochs: [1, 2], factor: 0.5", {8, 8, 8, 8, 4, 4, 4, 4, 2, 2, 2, 2});
  check_rates("name: step, epochs: 1.5, factor: 0.5", {8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4});
  check_rates("name: step, epochs: 1.5, factor: 0.5, every: epoch",
              {8, 8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4});
}

BOOST_AUTO_TEST_CASE(cosine_anneals_every_step) {
  std::vector<double> expected, above_one;
  for (int step = 0; step < 12; ++step) {
    const double share = (1 + std::cos(std::numbers::pi * step / 12)) / 2;
    expected.push_back(8 * share);
    above_one.push_back(1 + 7 * share);
  }
  check_rates("name: cosine", expected);
  check_rates("name: cosine, final: 1", above_one);
}

BOOST_AUTO_TEST_CASE(cosine_anneals_every_epoch) {
  check_rates("name: cosine, every: epoch", {8, 8, 8, 8, 6, 6, 6, 6, 2, 2, 2, 2});
}

BOOST_AUTO_TEST_CASE(warm_up_comes_before_any_of_them) {
  check_rates("name: constant, warmup_steps: 4", {0, 2, 4, 6, 8, 8, 8, 8, 8, 8, 8, 8});
  check_rates("name: constant, warmup_epochs: 0.5, warmup_start: 0.5",
              {4, 6, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8});
  check_rates("name: step, epochs: [2], factor: 0.5, warmup_epochs: 1",
              {0, 2, 4, 6, 8, 8, 8, 8, 4, 4, 4, 4});
  const double r = std::numbers::sqrt2 * 2;
  const double c = 4 * std::cos(std::numbers::pi / 8), s = 4 * std::sin(std::numbers::pi / 8);
  check_rates("name: cosine, warmup_epochs: 1",
              {0, 2, 4, 6, 8, 4 + c, 4 + r, 4 + s, 4, 4 - s, 4 - r, 4 - c});
  check_rates("name: cosine, every: epoch, warmup_epochs: 1", {0, 2, 4, 6, 8, 8, 8, 8, 4, 4, 4, 4});
}

BOOST_AUTO_TEST_CASE(a_training_of_no_epochs_can_be_described) {
  const auto options =
      Options::from_text("{name: cosine, learning_rate: 1, warmup_epochs: 5}", "t");
  BOOST_CHECK_NO_THROW(ScheduleRegistry::instance().make(options, TrainingLength{4, 0}));
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  for (const char* options :
       {"name: constant, warmup_steps: 1, warmup_epochs: 1", "name: cosine, warmup_steps: 13",
        "name: cosine, final: -1", "name: step", "name: step, epochs: [2, 1]",
        "name: step, epochs: 1, factor: 0", "name: constant, every: epoch",
        "name: cosine, every: batch", "name: cosine, warmup_start: 2", "name: linear"})
    BOOST_CHECK_THROW(rates(options), ConfigError);
  BOOST_CHECK_THROW(ScheduleRegistry::instance().make(Options::from_text("name: cosine", "t"),
                                                      TrainingLength{1, 1}),
                    ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
