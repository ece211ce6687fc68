#include "quant/measure/code_distances.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(code_distances_test)

BOOST_AUTO_TEST_CASE(entropy_is_that_computed_by_hand) {
  BOOST_TEST(code_entropy(std::vector<double>{2, 2, 4, 0}) == 1.5);
  BOOST_TEST(code_entropy(std::vector<double>{0, 7}) == 0);
  BOOST_TEST(std::isnan(code_entropy(std::vector<double>{0, 0})));
}

BOOST_AUTO_TEST_CASE(divergences_are_those_computed_by_hand) {
  const CellDivergence found = cell_divergence({{1, 3}, {2, 2}});
  BOOST_TEST(found.kl == 0.25 * std::log(0.5) + 0.75 * std::log(1.5),
             boost::test_tools::tolerance(1e-15));
  BOOST_TEST(found.missing == 0);
  const double js = 0.5 * (0.25 * std::log2(0.25 / 0.375) + 0.75 * std::log2(0.75 / 0.625)) +
                    0.5 * (0.5 * std::log2(0.5 / 0.375) + 0.5 * std::log2(0.5 / 0.625));
  BOOST_TEST(found.js == js, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_code_without_quantized_values_makes_kl_infinite_and_its_mass_is_told) {
  const CellDivergence found = cell_divergence({{3, 1, 0}, {4, 0, 0}});
  BOOST_TEST(found.kl == HUGE_VAL);
  BOOST_TEST(found.missing == 0.25);
  BOOST_TEST(cell_divergence({{1, 0}, {0, 1}}).js == 1);
}

BOOST_AUTO_TEST_CASE(equal_counts_have_no_divergence_and_none_at_all_is_nan) {
  const CellDivergence equal = cell_divergence({{3, 1, 7}, {3, 1, 7}});
  BOOST_TEST(equal.kl == 0);
  BOOST_TEST(equal.js == 0);
  BOOST_TEST(equal.missing == 0);
  BOOST_TEST(std::isnan(cell_divergence({{0}, {1}}).kl));
}

BOOST_AUTO_TEST_CASE(wasserstein_is_that_computed_by_hand) {
  // Levels 0, 2; x = -1, 0.5, 1.5, 3 and q = 0, 0, 2, 2: moved by 1, 0.5, 0.5, 1.
  const LevelGaps gaps{.levels = {0, 2},
                       .halves = {{1, 0.5}, {1, 0.5}},
                       .below = 1,
                       .below_excess = 1,
                       .above = 1,
                       .above_excess = 1,
                       .quantized = {2, 2}};
  BOOST_TEST(wasserstein(gaps).value == 0.75);
  BOOST_TEST(wasserstein(gaps).uncertainty == 0);
}

BOOST_AUTO_TEST_CASE(where_the_sign_changes_inside_a_half_gap_the_distance_is_within_its_bounds) {
  // x = 0.5 and 0.5 beside q = 0 and 2: truly (0.5 + 1.5) / 2 = 1, of which 1/4 lies left of 0.5.
  const LevelGaps gaps{.levels = {0, 2}, .halves = {{2, 1}, {}}, .quantized = {1, 1}};
  const Distance found = wasserstein(gaps);
  BOOST_TEST(found.uncertainty > 0);
  BOOST_TEST(std::abs(found.value - 1) <= found.uncertainty);
}

BOOST_AUTO_TEST_CASE(equal_distributions_have_no_distance_and_what_is_missing_or_infinite_shows) {
  const LevelGaps equal{.levels = {-1, 0.3, 7},
                        .halves = {{2, 0}, {}, {5, 0}, {}},
                        .above = 3,
                        .quantized = {2, 5, 3}};
  BOOST_TEST(wasserstein(equal).value == 0);
  LevelGaps none = equal;
  none.quantized = {0, 0, 0};
  BOOST_TEST(std::isnan(wasserstein(none).value));
  LevelGaps infinite = equal;
  infinite.infinite = 1;
  BOOST_TEST(wasserstein(infinite).value == HUGE_VAL);
}

BOOST_AUTO_TEST_SUITE_END()
