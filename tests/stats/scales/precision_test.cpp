#include "stats/scales/precision.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/error.h"
#include "stats/tracking/tracker.h"
#include "tests/stats/observe.h"

using namespace quantdyn;

namespace {
double widened_width(double minimum, double maximum) {
  return std::max(maximum, 0.0) - std::min(minimum, 0.0);
}
double symmetric_width(double minimum, double maximum) { return 2 * std::max(-minimum, maximum); }
}  // namespace

BOOST_AUTO_TEST_SUITE(precision_test)

BOOST_AUTO_TEST_CASE(widths_follow_their_rules) { BOOST_TEST(asymmetric_width(1, 3) == 2); }

BOOST_AUTO_TEST_CASE(precision_and_bits_are_those_computed_by_hand) {
  const std::vector<double> minimum{-1, 0, 2}, maximum{3, 1, 2};  // widths 4, 1, 0 of 4
  const auto out = channel_precision(minimum, maximum, asymmetric_width, 8);
  BOOST_TEST(out.precision[0] == 1);
  BOOST_TEST(out.precision[1] == 0.25);
  BOOST_TEST(std::isnan(out.precision[2]));
  BOOST_TEST(out.effective_bits[0] == 8);
  BOOST_TEST(out.effective_bits[1] == std::log2(1 + 255 / 4.0));
  BOOST_TEST(out.effective_bits[2] == 0);
  BOOST_TEST(out.dead_channels == 1u);
  BOOST_TEST(out.average == 0.625);
}

BOOST_AUTO_TEST_CASE(the_rule_decides_which_channels_are_dead) {
  const std::vector<double> minimum{-1, 0, 2}, maximum{3, 0, 2};
  const auto widened = channel_precision(minimum, maximum, widened_width, 8);
  BOOST_TEST(widened.dead_channels == 1u);
  BOOST_TEST(widened.precision[2] == 0.5);
  const auto symmetric = channel_precision(minimum, maximum, symmetric_width, 4);
  BOOST_TEST(symmetric.precision[2] == 4.0 / 6);
  BOOST_TEST(symmetric.effective_bits[2] == std::log2(1 + 4.0 / 6 * 15));
}

BOOST_AUTO_TEST_CASE(a_layer_without_width_has_no_average) {
  const std::vector<double> zero{0, 0};
  const auto out = channel_precision(zero, zero, symmetric_width, 8);
  BOOST_TEST(std::isnan(out.average));
  BOOST_TEST(out.dead_channels == 2u);
}

BOOST_AUTO_TEST_CASE(nan_stays_nan_wherever_it_is) {
  for (const auto& minimum : {std::vector<double>{NAN, -1}, std::vector<double>{-1, NAN}}) {
    const std::vector<double> maximum{minimum[0] + 2, minimum[1] + 2};
    const auto out = channel_precision(minimum, maximum, symmetric_width, 8);
    BOOST_TEST(std::isnan(out.average));
    BOOST_TEST(out.dead_channels == 0u);
  }
}

BOOST_AUTO_TEST_CASE(ranges_are_taken_from_the_moments_of_the_same_frame) {
  Frame frame({0, 1, 3});
  const std::vector<float> values{-1, 0, 3, 1};  // channels [-1, 3] and [0, 1]
  BOOST_CHECK_THROW(save_channel_precision(frame, "weight", 1, asymmetric_width, 8), Error);
  track_tensor({values.data(), {2, 2}},
               read_statistics(Options::from_text("statistics: [moments]", "test.yaml")), frame,
               "weight", 1);
  save_channel_precision(frame, "weight", 1, asymmetric_width, 8);
  BOOST_TEST(std::isnan(doubles(frame, "channelwise/weight/channel_precision")[0]));
  BOOST_TEST(doubles(frame, "channelwise/weight/channel_precision")[2] == 0.25);
  BOOST_TEST(doubles(frame, "channelwise/weight/effective_bits")[1] == 8);
  BOOST_TEST(doubles(frame, "layerwise/weight/average_channel_precision")[1] == 0.625);
  BOOST_TEST(counts(frame, "layerwise/weight/dead_channels")[1] == 0u);
}

BOOST_AUTO_TEST_CASE(misuse_is_refused) {
  const std::vector<double> one{0}, two{1, 1};
  BOOST_CHECK_THROW(channel_precision(one, two, symmetric_width, 8), Error);
  BOOST_CHECK_THROW(channel_precision(two, two, symmetric_width, 0), Error);
  BOOST_CHECK_THROW(channel_precision(two, two, symmetric_width, 33), Error);
}

BOOST_AUTO_TEST_SUITE_END()
