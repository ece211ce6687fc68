// Fixed-point multipliers by hand, and both roundings against exact arithmetic.
#include "quant/integer/fixed_point.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/rng.h"

namespace quantdyn::test {

BOOST_AUTO_TEST_SUITE(fixed_point_numbers)

BOOST_AUTO_TEST_CASE(mantissa_and_shift_are_the_number) {
  BOOST_TEST(fixed_point(1).mantissa == 1 << 30);
  BOOST_TEST(fixed_point(1).shift == 1);
  BOOST_TEST(fixed_point(0.5).shift == 0);
  BOOST_TEST(fixed_point(1 - 0x1p-40).shift == 1);  // rounds up to a whole power
  const Rng rng(1);
  for (uint64_t i = 0; i < 1000; ++i) {
    const double value = std::exp(40 * rng.uniform(i) - 20);
    const FixedPointMultiplier m = fixed_point(value);
    BOOST_TEST(m.mantissa >= 1 << 30);
    BOOST_TEST(std::abs(std::ldexp(m.mantissa, m.shift - 31) / value - 1) <= 0x1p-31);
  }
}

BOOST_AUTO_TEST_CASE(single_rounding_is_that_of_the_exact_product) {
  const FixedPointMultiplier half = fixed_point(0.5), three = fixed_point(3);
  for (const auto& [x, y] : {std::pair{3, 2}, {5, 3}, {-3, -1}, {-5, -2}, {4, 2}})  // ties up
    BOOST_TEST(multiply(x, half, FixedPointRounding::single) == y);
  BOOST_TEST(multiply(-7, three, FixedPointRounding::single) == -21);
  const Rng rng(2);
  for (uint64_t i = 0; i < 1000; ++i) {
    const auto x = static_cast<int64_t>(rng.words(i)[0]) - (int64_t{1} << 31);
    const FixedPointMultiplier m = fixed_point(std::exp(-9 * rng.uniform(1000 + i)));
    const long double exact = static_cast<long double>(x) * m.mantissa * std::exp2l(m.shift - 31);
    BOOST_TEST(multiply(x, m, FixedPointRounding::single) ==
               static_cast<int64_t>(std::floor(exact + 0.5L)));
  }
}

BOOST_AUTO_TEST_CASE(double_rounding_rounds_each_step_away_from_zero) {
  // 0.37 2^-2 of 27: high = round(27 * 0.37) = 10, then round(10 / 4) = 3; exactly 2.4975 -> 2.
  const FixedPointMultiplier m = fixed_point(0.74 / 8);
  BOOST_TEST(multiply(27, m, FixedPointRounding::single) == 2);
  BOOST_TEST(multiply(27, m, FixedPointRounding::twice) == 3);
  BOOST_TEST(multiply(-27, m, FixedPointRounding::twice) == -3);
  BOOST_TEST(multiply(-3, fixed_point(0.5), FixedPointRounding::twice) == -2);  // a tie
  const FixedPointMultiplier large = fixed_point(1024);
  BOOST_TEST(multiply(int64_t{1} << 30, large, FixedPointRounding::twice) < int64_t{1} << 31);
  BOOST_TEST(multiply(100, large, FixedPointRounding::twice) == 102400);
}

BOOST_AUTO_TEST_CASE(what_is_over_all_integers_is_the_largest) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  for (const double multiplier : {1e17, 1e20, 0x1p62, 0x1p200})
    for (const int64_t x : {int64_t{1000}, int64_t{1} << 40, most}) {
      BOOST_TEST(multiply(x, fixed_point(multiplier), FixedPointRounding::single) == most);
      BOOST_TEST(multiply(-x, fixed_point(multiplier), FixedPointRounding::single) == -most - 1);
    }
  BOOST_TEST(multiply(3, fixed_point(0x1p40), FixedPointRounding::single) == int64_t{3} << 40);
}

BOOST_AUTO_TEST_CASE(tiny_multipliers_give_zero) {
  for (const auto rounding : {FixedPointRounding::single, FixedPointRounding::twice})
    BOOST_TEST(multiply(1 << 30, fixed_point(1e-30), rounding) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
