// Extremes by channel against a plain loop, on every instruction set here.
#include "quant/kernels/extreme_rows.h"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "tests/every_target.h"
#include "tests/portable_bits.h"

namespace quantdyn::test {

BOOST_AUTO_TEST_SUITE(extreme_rows)

BOOST_AUTO_TEST_CASE(extremes_are_those_of_a_loop_over_odd_shapes) {
  on_every_target([](const std::string& target) {
    for (const int64_t channels : {1, 3, 16, 37})
      for (const int64_t rows : {0, 1, 2, 9}) {
        const int64_t stride = channels + 2;
        const std::vector<float> values = portable_values(9 * stride, 1);
        std::vector<float> low(channels + 1, 0.25f), high(channels + 1, 0.25f);
        BOOST_TEST(fold_extremes(values.data(), rows, stride, channels, low.data(), high.data()));
        for (int64_t c = 0; c <= channels; ++c) {
          float lowest = 0.25f, highest = 0.25f;  // one past the end stays
          for (int64_t r = 0; c < channels && r < rows; ++r) {
            lowest = std::min(lowest, values[r * stride + c]);
            highest = std::max(highest, values[r * stride + c]);
          }
          BOOST_TEST(low[c] == lowest, target << " channel " << c << " of " << channels);
          BOOST_TEST(high[c] == highest, target << " channel " << c << " of " << channels);
        }
      }
  });
}

BOOST_AUTO_TEST_CASE(one_value_that_is_not_finite_is_told_wherever_it_lies) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(),
                  infinity = std::numeric_limits<float>::infinity();
  constexpr int64_t channels = 37, rows = 3;
  on_every_target([](const std::string& target) {
    for (const float value : {nan, -nan, infinity, -infinity})
      for (int64_t place = 0; place < rows * channels; ++place) {
        std::vector<float> values = portable_values(rows * channels, 1);
        values[place] = value;
        std::vector<float> low(channels), high(channels);
        BOOST_TEST(!fold_extremes(values.data(), rows, channels, channels, low.data(), high.data()),
                   target << " " << value << " at " << place);
      }
  });
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
