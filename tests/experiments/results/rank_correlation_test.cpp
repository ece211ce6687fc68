// Spearman's rho beside values computed by hand and by SciPy 1.10 (spearmanr).
#include "experiments/results/rank_correlation.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/error.h"
#include "tests/errors.h"

using namespace quantdyn;

using Values = std::vector<double>;

BOOST_AUTO_TEST_SUITE(rank_correlation_test, *boost::unit_test::tolerance(1e-12))

BOOST_AUTO_TEST_CASE(ranks_count_not_values) {
  const RankCorrelation r = rank_correlation(Values{1, 2, 3, 4, 5}, Values{10, 20, 500, 40, 600});
  BOOST_TEST(r.layers == 5);
  BOOST_TEST(r.rho == 0.9);  // 1 - 6 sum d^2 / (n (n^2 - 1)), d = 0 0 1 -1 0
  const double s = std::sqrt((1 + 0.81 / 2) / 2), z = std::atanh(0.9);
  BOOST_TEST(r.low == std::tanh(z - 1.959963984540054 * s));
  BOOST_TEST(r.high == std::tanh(z + 1.959963984540054 * s));
}

BOOST_AUTO_TEST_CASE(equal_values_share_a_rank_and_what_is_not_finite_is_left_out) {
  const Values x{1, 2, 2, NAN, 3, 9, INFINITY}, y{4, 1, 3, 0, 2, 2, 5};
  const RankCorrelation r = rank_correlation(x, y);
  BOOST_TEST(r.layers == 5);
  BOOST_TEST(r.rho == -0.5263157894736843);  // scipy.stats.spearmanr
}

BOOST_AUTO_TEST_CASE(what_is_not_defined_is_nan) {
  BOOST_TEST(std::isnan(rank_correlation(Values{1, 2, 3}, Values{5, 5, 5}).rho));
  BOOST_TEST(std::isnan(rank_correlation(Values{1}, Values{5}).rho));
  const RankCorrelation three = rank_correlation(Values{1, 2, 3}, Values{1, 3, 2}),
                        perfect = rank_correlation(Values{1, 2, 3, 4}, Values{2, 3, 4, 5});
  BOOST_TEST(three.rho == 0.5);
  BOOST_TEST(perfect.rho == 1);
  BOOST_TEST((std::isnan(three.low) && std::isnan(perfect.high)));
  BOOST_TEST(std::isnan(joint_correlation(std::vector{three, perfect}).rho));
  BOOST_TEST(contains(error_of<Error>([] {
                        rank_correlation(Values{1}, Values{1, 2});
                      }),
                      "1 values and 2"));
}

BOOST_AUTO_TEST_CASE(nets_are_joined_by_their_weights) {
  const RankCorrelation a{13, 0.5, 0, 0}, b{23, -0.2, 0, 0}, perfect{9, 1, 0, 0};
  const double wa = 10 / 1.125, wb = 20 / 1.02,
               z = (wa * std::atanh(0.5) + wb * std::atanh(-0.2)) / (wa + wb);
  const RankCorrelation joint = joint_correlation(std::vector{a, b, perfect});
  BOOST_TEST(joint.layers == 36);
  BOOST_TEST(joint.rho == std::tanh(z));
  BOOST_TEST(joint.high == std::tanh(z + 1.959963984540054 / std::sqrt(wa + wb)));
}

BOOST_AUTO_TEST_SUITE_END()
