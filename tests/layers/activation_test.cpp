#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(activation)

namespace {
const std::vector<float> edges{-1, 0, 0.5f, 6, 7};

std::vector<float> slopes(const std::string& yaml) {
  Trial<float> trial(yaml, {{5}}, 1);
  std::ranges::copy(edges, trial.x[0].data());
  trial.dy.fill(1);
  trial.forward();
  trial.backward();
  return {trial.dx[0].values().begin(), trial.dx[0].values().end()};
}
}  // namespace

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  BOOST_TEST(worst_gradient_error("{name: relu}", {{7, 2, 3}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: relu6}", {{7, 2, 17}}, 2, 4) < 1e-7);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  BOOST_TEST(same_bits_for_any_thread_count("{name: relu}", {{3, 3, 3}}));
  BOOST_TEST(same_bits_for_any_thread_count("{name: relu6}", {{3, 3, 3}}));
}

BOOST_AUTO_TEST_CASE(values_by_hand) {
  const std::vector<float> relu{0, 0, 0.5f, 6, 7}, relu6{0, 0, 0.5f, 6, 6};
  BOOST_TEST(evaluated("{name: relu}", {5}, edges) == relu, boost::test_tools::per_element());
  BOOST_TEST(evaluated("{name: relu6}", {5}, edges) == relu6, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(slope_is_zero_at_the_kinks) {
  const std::vector<float> relu{0, 0, 1, 1, 1}, relu6{0, 0, 1, 0, 0};
  BOOST_TEST(slopes("{name: relu}") == relu, boost::test_tools::per_element());
  BOOST_TEST(slopes("{name: relu6}") == relu6, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nan_stays_nan) {
  for (const char* yaml : {"{name: relu}", "{name: relu6}"})
    BOOST_TEST(std::isnan(evaluated(yaml, {1}, {std::nanf("")})[0]));
}

BOOST_AUTO_TEST_CASE(two_inputs_are_refused) {
  for (const char* name : {"relu", "relu6"})
    BOOST_TEST(error_of(fmt::format("{{name: {}}}", name), {{3}, {3}}) ==
               fmt::format("{}: found 2 inputs, expected one", name));
}

BOOST_AUTO_TEST_CASE(activations_say_so) {
  BOOST_TEST(make_layer<float>("{name: relu}")->is_activation());
  BOOST_TEST(make_layer<float>("{name: relu6}")->is_activation());
  BOOST_TEST(!make_layer<float>("{name: batch_norm}")->is_activation());
}

BOOST_AUTO_TEST_SUITE_END()
