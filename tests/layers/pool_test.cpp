#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  const char* const options[] = {"kernel: 2", "kernel: 3, stride: 2, padding: same",
                                 "kernel: [3, 2], stride: 1, padding: [1, 0, 1, 1]"};
  for (const char* text : options)
    for (const char* name : {"max_pool", "average_pool"})
      for (const Shape& input : {Shape{7, 4, 3}, Shape{2, 6, 17}})
        BOOST_TEST(worst_gradient_error(fmt::format("{{name: {}, {}}}", name, text), {input}, 2) <
                   1e-7);
  BOOST_TEST(worst_gradient_error(
                 "{name: average_pool, kernel: 3, stride: 2, padding: 1, count_padding: true}",
                 {{5, 4, 1}}, 2) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: global_average_pool}", {{7, 2, 3}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: global_average_pool}", {{1, 1, 17}}, 2) < 1e-7);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  for (const char* yaml :
       {"{name: max_pool, kernel: 3, stride: 1, padding: same}",
        "{name: average_pool, kernel: 3, stride: 1, padding: same}", "{name: global_average_pool}"})
    BOOST_TEST(same_bits_for_any_thread_count(yaml, {{4, 5, 3}}));
}

BOOST_AUTO_TEST_CASE(max_by_hand) {
  const std::vector<float> image{1, -2, 3, -4, -5, 6, -7, -8, -9}, expected{1, 6, -4, 6};
  BOOST_TEST(evaluated("{name: max_pool, kernel: 2, stride: 1}", {3, 3, 1}, image) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(padding_never_is_the_largest) {
  const std::vector<float> image{-1, -2, -3, -4}, expected{-1, -2, -3, -4};
  BOOST_TEST(
      evaluated("{name: max_pool, kernel: 2, stride: 2, padding: 1}", {2, 2, 1}, image) == expected,
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(first_of_equal_values_gets_the_gradient) {
  Trial<float> trial("{name: max_pool, kernel: 2}", {{2, 2, 1}}, 1);
  const std::vector<float> image{1, 5, 5, 5}, expected{0, 3, 0, 0};
  std::ranges::copy(image, trial.x[0].data());
  trial.dy.fill(3);
  trial.forward();
  trial.backward();
  BOOST_TEST(trial.dx[0].values() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nan_is_the_largest_wherever_it_is) {
  for (size_t place = 0; place < 4; ++place) {
    std::vector<float> image{1, 2, 3, 4};
    image[place] = std::nanf("");
    BOOST_TEST(std::isnan(evaluated("{name: max_pool}", {2, 2, 1}, image)[0]));
  }
}

BOOST_AUTO_TEST_CASE(average_leaves_padding_out_unless_asked) {
  const std::string yaml = "{name: average_pool, kernel: 2, stride: 2, padding: 1";
  const std::vector<float> image{4, 8, 12, 16}, without{4, 8, 12, 16}, with{1, 2, 3, 4};
  BOOST_TEST(evaluated(yaml + "}", {2, 2, 1}, image) == without, boost::test_tools::per_element());
  BOOST_TEST(evaluated(yaml + ", count_padding: true}", {2, 2, 1}, image) == with,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(global_average_by_hand) {
  const std::vector<float> image{1, 10, 2, 20, 3, 30, 6, 60}, expected{3, 30};
  BOOST_TEST(evaluated("{name: global_average_pool}", {2, 2, 2}, image) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(stride_is_the_kernel_unless_given) {
  const auto layer = make_layer<float>("{name: max_pool, kernel: [2, 3]}");
  const Shape input{8, 9, 5};
  BOOST_TEST((layer->setup(std::span(&input, 1)) == Shape{4, 3, 5}));
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  for (const char* name : {"max_pool", "average_pool"}) {
    const std::string yaml = fmt::format("{{name: {}, kernel: 2, padding: ", name);
    BOOST_TEST(error_of(yaml + "2}", {{4, 4, 1}}).find("padding below the kernel's size") !=
               std::string::npos);
    BOOST_TEST(error_of(yaml + "0}", {{1, 4, 1}}).find("does not fit") != std::string::npos);
    BOOST_TEST(error_of(yaml + "0}", {{4}}).find("[height, width, channels]") != std::string::npos);
  }
  BOOST_TEST(error_of("{name: global_average_pool}", {{4}}).find("shape [4]") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
