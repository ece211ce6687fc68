#include "stats/distances/drift.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/error.h"
#include "stats/tracking/tracker.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {

Frame tracked(const std::vector<float>& x) {
  Frame frame({0, 1, 2});
  const auto kinds =
      read_statistics(Options::from_text("statistics: [moments, histogram]", "test.yaml"));
  track_tensor({x.data(), Shape{static_cast<int64_t>(x.size()), 1}}, kinds, frame, "output", 1);
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(drift_test)

BOOST_AUTO_TEST_CASE(distances_of_weights_are_those_computed_by_hand) {
  const std::vector<float> before{3, 1, 4, 0}, now{3, 0, 0, 2};  // channels (3, 4) and (1, 0)
  const WeightDrift drift = weight_drift(now, before, 2);
  BOOST_TEST(drift.relative[0] == std::sqrt(16 / 25.0));
  BOOST_TEST(drift.relative[1] == std::sqrt(5.0));
  BOOST_TEST(drift.cosine[0] == 0.6);
  BOOST_TEST(drift.cosine[1] == 0);
  BOOST_TEST(drift.layer_relative == std::sqrt(21 / 26.0));
  BOOST_TEST(drift.layer_cosine == 9 / std::sqrt(13 * 26.0));
}

BOOST_AUTO_TEST_CASE(equal_weights_are_exactly_0_apart_with_cosine_1) {
  const std::vector<float> weights = random_values(5 * 97, 0.01f, 0.3f);
  const WeightDrift drift = weight_drift(weights, weights, 5);
  BOOST_TEST(drift.layer_relative == 0);
  BOOST_TEST(drift.layer_cosine == 1);
  for (int c = 0; c < 5; ++c) BOOST_TEST((drift.relative[c] == 0 && drift.cosine[c] == 1));
}

BOOST_AUTO_TEST_CASE(weights_that_were_all_zero_have_no_finite_drift) {
  const std::vector<float> before{0, 0, 1}, now{2, 0, NAN};
  const WeightDrift drift = weight_drift(now, before, 3);
  BOOST_TEST(drift.relative[0] == INFINITY);
  BOOST_TEST(std::isnan(drift.cosine[0]));
  BOOST_TEST(std::isnan(drift.relative[1]));
  BOOST_TEST(std::isnan(drift.relative[2]));
  BOOST_TEST(std::isnan(drift.layer_relative));
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit_are_refused) {
  const std::vector<float> six(6), four(4);
  BOOST_CHECK_THROW(weight_drift(six, four, 2), Error);
  BOOST_CHECK_THROW(weight_drift(six, six, 4), Error);
  BOOST_CHECK_THROW(weight_drift(six, six, 0), Error);
}

BOOST_AUTO_TEST_CASE(drift_is_written_by_channel_and_layer) {
  Frame frame({0, 1, 3});
  const std::vector<float> before{1, 2}, now{1, 4};
  save_weight_drift(weight_drift(now, before, 2), "start", frame, 1);
  save_weight_drift(no_weight_drift(2), "previous", frame, 1);
  BOOST_TEST(frame.channel_values<double>("weight", "drift_from_start", 1)[1] == 1);
  BOOST_TEST(frame.layer_values<double>("weight", "drift_from_start", 1)[0] == std::sqrt(0.8));
  BOOST_TEST(frame.channel_values<double>("weight", "cosine_from_start", 1)[0] == 1);
  BOOST_TEST(std::isnan(frame.layer_values<double>("weight", "cosine_from_previous", 1)[0]));
  BOOST_TEST(std::isnan(frame.channel_values<double>("weight", "drift_from_previous", 1)[1]));
}

BOOST_AUTO_TEST_CASE(distributions_drift_by_their_distances) {
  const Frame before = tracked({0, 0, 1, 1});
  Frame now = tracked({0, 0, 0, 3});
  const KeptDistribution kept = keep_distribution(before, "output", 1);
  save_distribution_drift(&kept, "previous", now, "output", 1);
  BOOST_TEST(now.layer_values<double>("output", "wasserstein_from_previous", 1)[0] == 0.75);
  // m = (5/8, 1/4, 1/8)
  const double expected = (0.5 * std::log2(0.8) + 0.5 + 0.75 * std::log2(1.2) + 0.25) / 2;
  BOOST_TEST(now.layer_values<double>("output", "js_from_previous", 1)[0] == expected,
             boost::test_tools::tolerance(1e-14));
  const KeptDistribution itself = keep_distribution(now, "output", 1);
  save_distribution_drift(&itself, "start", now, "output", 1);
  BOOST_TEST(now.layer_values<double>("output", "js_from_start", 1)[0] == 0);
  BOOST_TEST(now.layer_values<double>("output", "wasserstein_from_start", 1)[0] == 0);
}

BOOST_AUTO_TEST_CASE(without_anything_before_the_drift_is_nan) {
  Frame now = tracked({0, 1});
  const KeptDistribution none = keep_distribution(Frame({0, 1, 2}), "output", 1);
  save_distribution_drift(nullptr, "previous", now, "output", 1);
  save_distribution_drift(&none, "start", now, "output", 1);
  for (const char* name : {"js_from_previous", "wasserstein_from_previous", "js_from_start"})
    BOOST_TEST(std::isnan(now.layer_values<double>("output", name, 1)[0]), name);
  const size_t arrays = now.arrays().size();
  save_distribution_drift(nullptr, "previous", now, "output", 0);  // a node without the tensor
  BOOST_TEST(now.arrays().size() == arrays);
}

BOOST_AUTO_TEST_SUITE_END()
