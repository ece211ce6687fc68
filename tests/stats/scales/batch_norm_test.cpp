#include "stats/scales/batch_norm.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/error.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

struct Norm {
  std::vector<float> gamma{2, -1, 0}, beta{0.5f, 0, 1}, mean{1, -2, 3}, variance{4, 0.25f, 0};
  NormParameters parameters(double epsilon) const { return {gamma, beta, mean, variance, epsilon}; }
};

void put(Frame& frame, const std::string& tensor, const std::string& name,
         const std::vector<double>& values) {
  frame.channel(tensor, {name, "1", "", "", ""}, 1, std::span<const double>(values));
}

std::span<const double> norm_values(const Frame& frame, const std::string& name) {
  return frame.channel_values<double>("batch_norm", name, 1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(batch_norm_statistics_test)

BOOST_AUTO_TEST_CASE(parameters_are_written_and_sigma_holds_epsilon) {
  Frame frame({0, 2, 5});
  save_norm_parameters(Norm().parameters(0), frame, 1);
  BOOST_TEST(norm_values(frame, "gamma")[0] == 2);
  BOOST_TEST(norm_values(frame, "beta")[2] == 1);
  BOOST_TEST(norm_values(frame, "running_mean")[1] == -2);
  BOOST_TEST(norm_values(frame, "running_std")[1] == 0.5);
  BOOST_TEST(norm_values(frame, "gamma_over_sigma")[0] == 1);
  BOOST_TEST(norm_values(frame, "gamma_over_sigma")[1] == -2);
  BOOST_TEST(std::isnan(norm_values(frame, "gamma_over_sigma")[2]));  // 0 / 0
  save_norm_parameters(Norm().parameters(5), frame, 1);
  BOOST_TEST(norm_values(frame, "gamma_over_sigma")[0] == 2 / 3.0);
  BOOST_TEST(norm_values(frame, "running_std")[0] == 2);
  Norm short_one;
  short_one.beta.pop_back();
  BOOST_CHECK_THROW(save_norm_parameters(short_one.parameters(0), frame, 1), Error);
}

BOOST_AUTO_TEST_CASE(shifts_are_in_running_deviations_and_averages_leave_out_dead_channels) {
  Frame frame({0, 2, 5});
  put(frame, "conv", "mean", {0, -1, 4});
  put(frame, "conv", "std", {4, 0, 1});
  save_norm_shift(Norm().parameters(0), frame, 1);
  BOOST_TEST(norm_values(frame, "batch_mean_shift")[0] == -0.5);
  BOOST_TEST(norm_values(frame, "batch_mean_shift")[1] == 2);
  BOOST_TEST(norm_values(frame, "batch_mean_shift")[2] == INFINITY);
  BOOST_TEST(norm_values(frame, "batch_std_ratio")[0] == 2);
  BOOST_TEST(norm_values(frame, "batch_std_ratio")[1] == 0);
  const auto average = [&](const char* name) {
    return frame.layer_values<double>("batch_norm", name, 1)[0];
  };
  BOOST_TEST(average("average_mean_shift") == 1.25);
  BOOST_TEST(average("average_log2_std_ratio") == 1);
}

BOOST_AUTO_TEST_CASE(nan_of_a_channel_reaches_the_averages) {
  Frame frame({0, 2, 5});
  put(frame, "conv", "mean", {NAN, 0, 0});
  put(frame, "conv", "std", {NAN, 1, 1});
  save_norm_shift(Norm().parameters(0), frame, 1);
  for (const char* name : {"average_mean_shift", "average_log2_std_ratio"})
    BOOST_TEST(std::isnan(frame.layer_values<double>("batch_norm", name, 1)[0]), name);
}

BOOST_AUTO_TEST_CASE(dead_channels_alone_have_no_average) {
  Frame frame({0, 1, 2});
  put(frame, "conv", "mean", {1});
  put(frame, "conv", "std", {0});
  const std::vector<float> one{1}, zero{0};
  save_norm_shift({one, one, one, zero, 1e-5}, frame, 1);
  for (const char* name : {"average_mean_shift", "average_log2_std_ratio"})
    BOOST_TEST(std::isnan(frame.layer_values<double>("batch_norm", name, 1)[0]), name);
}

BOOST_AUTO_TEST_CASE(folded_ranges_are_compared_with_those_as_trained) {
  Frame frame({0, 2, 6});
  put(frame, "weight", "min", {-1, 0, 3, 0});
  put(frame, "weight", "max", {1, 0.5, 3, 1});  // 2, 0.5, dead, 1
  put(frame, "folded_weight", "min", {-0.5, -2, 3, 0});
  put(frame, "folded_weight", "max", {0.5, 0, 3, 0});  // 1, 2, dead, folded to nothing
  save_folding_ranges(frame, 1);
  const auto quotient = frame.channel_values<double>("folded_weight", "range_over_unfolded", 1);
  BOOST_TEST((quotient[0] == 0.5 && quotient[1] == 4 && quotient[3] == 0));
  BOOST_TEST(std::isnan(quotient[2]));
  const auto spread = [&] {
    return frame.layer_values<double>("folded_weight", "range_over_unfolded_spread", 1)[0];
  };
  BOOST_TEST(spread() == 8);
  put(frame, "folded_weight", "min", {NAN, -2, 3, 0});
  save_folding_ranges(frame, 1);
  BOOST_TEST(std::isnan(spread()));
}

BOOST_AUTO_TEST_CASE(without_moments_nothing_is_written) {
  Frame frame({0, 2, 5});
  save_norm_shift(Norm().parameters(0), frame, 1);
  save_folding_ranges(frame, 1);
  BOOST_TEST(frame.arrays().empty());
}

BOOST_AUTO_TEST_SUITE_END()
