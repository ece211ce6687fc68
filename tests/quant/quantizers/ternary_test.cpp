// Ternary weights: Li & Liu's threshold and level, by hand.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;
using Codes = std::vector<int32_t>;

std::unique_ptr<Quantization> fit(const std::string& options, std::vector<Distribution> values,
                                  std::vector<Range> ranges) {
  const auto channels = static_cast<int64_t>(ranges.size());
  return quantizer("{name: ternary" + options + "}")
      ->fit({"tensor", channels, std::move(ranges), std::move(values)});
}
// mean|x| = 2, threshold 1.4, level (2 + 2 + 4) / 3
const Distribution points{{-4, -1, 1, 2}, {1, 1, 1, 2}};

}  // namespace

BOOST_AUTO_TEST_SUITE(ternary)

BOOST_AUTO_TEST_CASE(threshold_is_seven_tenths_of_the_mean_size) {
  const auto q = fit("", {points}, {{-4, 2}});
  const float level = 8 / 3.0f;
  BOOST_TEST(applied(*q, {-9, -1.41f, -1.4f, 0, 1.4f, 1.41f}) ==
             (Floats{-level, -level, 0, 0, 0, level}));
  BOOST_TEST(codes_of(*q, {-9, 0, 9}) == (Codes{-1, 0, 1}));
  BOOST_TEST(q->bit_width() == 2);
  BOOST_TEST(q->first_code() == -2);
  BOOST_TEST(std::isnan(q->levels(0)[0]));
  BOOST_TEST(q->levels(0)[1] == -level);
}

BOOST_AUTO_TEST_CASE(the_threshold_itself_becomes_zero) {
  const auto q = fit(", threshold: 0.5", {points}, {{-4, 2}});  // 1
  BOOST_TEST(applied(*q, {1, -1, std::nextafter(1.0f, 2.0f)}) == (Floats{0, 0, 8 / 3.0f}));
}

BOOST_AUTO_TEST_CASE(values_are_clipped_to_the_range) {
  const auto q = fit("", {points}, {{-2, 2}});  // mean 1.6, threshold 1.12
  BOOST_TEST(applied(*q, {3, -3}) == (Floats{2, -2}));
}

BOOST_AUTO_TEST_CASE(channels_have_levels_of_their_own_and_all_zero_ones_stay_zero) {
  const auto q = fit(", granularity: per_channel", {points, {{0}, {7}}, {{1, 3}, {1, 1}}},
                     {{-4, 2}, {0, 0}, {1, 3}});
  const Floats y = applied(*q, {2, 0, 1.39f, -1, -0.0f, 1.41f}, 3);
  BOOST_TEST(y == (Floats{8 / 3.0f, 0, 0, 0, 0, 3}));
  BOOST_TEST(codes_of(*q, {0, 0, 0}, 3) == (Codes{0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(nan_stays_and_infinities_become_the_outer_levels) {
  const auto q = fit("", {points}, {{-4, 2}});
  const float infinity = std::numeric_limits<float>::infinity();
  const Floats y = applied(*q, {std::nanf(""), infinity, -infinity});
  BOOST_TEST(std::isnan(y[0]));
  BOOST_TEST(y[1] == -y[2]);
  BOOST_TEST(codes_of(*q, {std::nanf("")}) == Codes{no_code});
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused_with_their_line) {
  BOOST_TEST(
      contains(error_of<ConfigError>([] { quantizer("{name: ternary, threshold: -1}"); }),
               "test.yaml:1: threshold: -1 is out of range; accepted: a number from 0 to 10"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
