#include <boost/test/unit_test.hpp>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(graph_layers)

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  BOOST_TEST(worst_gradient_error("{name: flatten}", {{7, 2, 3}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: add}", {{2, 1, 17}, {2, 1, 17}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: add}", {{3}, {3}, {3}}, 1) < 1e-7);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  BOOST_TEST(same_bits_for_any_thread_count("{name: flatten}", {{3, 3, 3}}));
  BOOST_TEST(same_bits_for_any_thread_count("{name: add}", {{3, 3}, {3, 3}}));
}

BOOST_AUTO_TEST_CASE(sum_by_hand) {
  Trial<float> trial("{name: add}", {{2}, {2}, {2}}, 1);
  for (int64_t i = 0; i < 2; ++i)
    for (size_t input = 0; input < 3; ++input)
      trial.x[input][i] = static_cast<float>(input + 1) + 10 * static_cast<float>(i);
  trial.forward();
  BOOST_TEST(trial.y[0] == 6);
  BOOST_TEST(trial.y[1] == 36);
}

BOOST_AUTO_TEST_CASE(flatten_keeps_the_order) {
  const std::vector<float> image{1, 2, 3, 4, 5, 6, 7, 8};
  BOOST_TEST(evaluated("{name: flatten}", {2, 1, 2}, image) == image,
             boost::test_tools::per_element());
  const auto layer = make_layer<float>("{name: flatten}");
  const Shape input{4, 5, 6};
  BOOST_TEST((layer->setup(std::span(&input, 1)) == Shape{120}));
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_not_wanted_is_left_out) {
  Trial<float> trial("{name: add}", {{2}, {2}}, 1);
  trial.forward();
  const std::vector<View<float>> wanted{{}, trial.dx[1].view()};
  trial.layer->backward(trial.inputs(), trial.y.view(), trial.dy.view(), wanted);
  BOOST_TEST(trial.dx[0][0] == 0);
  BOOST_TEST(trial.dx[1][0] == trial.dy[0]);
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  BOOST_TEST(error_of("{name: add}", {{2, 2, 3}, {2, 2, 4}}) ==
             "add: found inputs of shapes [2, 2, 3] and [2, 2, 4], expected the same shape");
  BOOST_TEST(error_of("{name: add}", {{2}}) == "add: found 1 inputs, expected two or more");
  BOOST_TEST(error_of("{name: flatten, axis: 1}", {{2}}).find("axis: unknown key") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
