#include <boost/test/unit_test.hpp>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(dense)

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  BOOST_TEST(worst_gradient_error("{name: dense, units: 3}", {{17}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: dense, units: 1, bias: false}", {{1}}, 1) < 1e-7);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  BOOST_TEST(same_bits_for_any_thread_count("{name: dense, units: 10}", {{7}}));
}

BOOST_AUTO_TEST_CASE(value_by_hand) {
  const std::vector<float> expected{210.5f, 420.25f, 430.5f, 860.25f};
  BOOST_TEST(evaluated("{name: dense, units: 2}", {2}, {1, 2, 3, 4},
                       {{10, 20, 100, 200}, {0.5f, 0.25f}}) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(linear_role_describes_it) {
  const auto layer = make_layer<float>("{name: dense, units: 5}");
  const Shape input{3};
  BOOST_TEST((layer->setup(std::span(&input, 1)) == Shape{5}));
  const Linear<float>* role = layer->linear();
  BOOST_TEST(role->in_channels == 3);
  BOOST_TEST(role->out_channels == 5);
  BOOST_TEST(role->fan_in == 3);
  BOOST_TEST((role->weight->master.shape() == Shape{3, 5}));
  BOOST_TEST(layer->multiply_accumulates() == 15);
}

BOOST_AUTO_TEST_CASE(images_are_refused_with_advice) {
  const std::string error = error_of("{name: dense, units: 5}", {{4, 4, 3}});
  BOOST_TEST(error.find("[4, 4, 3]") != std::string::npos);
  BOOST_TEST(error.find("flatten") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
