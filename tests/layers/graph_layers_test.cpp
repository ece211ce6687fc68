#include <boost/test/unit_test.hpp>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(graph_layers)

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  BOOST_TEST(worst_gradient_error("{name: flatten}", {{7, 2, 3}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: add}", {{2, 1, 17}, {2, 1, 17}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: add}", {{3}, {3}, {3}}, 1) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: multiply}", {{2, 3, 5}, {5}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: multiply}", {{1, 1, 5}, {3, 2, 5}}, 2) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: multiply}", {{2, 1, 17}, {2, 1, 17}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: concat}", {{2, 3, 5}, {2, 3, 1}, {2, 3, 17}}, 9) < 1e-7);
  BOOST_TEST(worst_gradient_error("{name: concat}", {{3}, {2}}, 1) < 1e-7);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  BOOST_TEST(same_bits_for_any_thread_count("{name: flatten}", {{3, 3, 3}}));
  BOOST_TEST(same_bits_for_any_thread_count("{name: add}", {{3, 3}, {3, 3}}));
  BOOST_TEST(same_bits_for_any_thread_count("{name: multiply}", {{3, 3, 7}, {7}}));
  BOOST_TEST(same_bits_for_any_thread_count("{name: concat}", {{3, 3, 2}, {3, 3, 3}}));
}

BOOST_AUTO_TEST_CASE(concat_puts_channels_one_after_the_other) {
  // Two images of two pixels: one channel beside two.
  Trial<float> trial("{name: concat}", {{2, 1, 1}, {2, 1, 2}}, 2);
  std::ranges::copy(std::vector<float>{1, 2, 3, 4}, trial.x[0].data());
  std::ranges::copy(std::vector<float>{10, 11, 20, 21, 30, 31, 40, 41}, trial.x[1].data());
  trial.forward();
  BOOST_TEST(trial.y.values() == (std::vector<float>{1, 10, 11, 2, 20, 21, 3, 30, 31, 4, 40, 41}),
             boost::test_tools::per_element());
  std::ranges::copy(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, trial.dy.data());
  trial.backward();
  BOOST_TEST(trial.dx[0].values() == (std::vector<float>{1, 4, 7, 10}),
             boost::test_tools::per_element());
  BOOST_TEST(trial.dx[1].values() == (std::vector<float>{2, 3, 5, 6, 8, 9, 11, 12}),
             boost::test_tools::per_element());
  const auto layer = make_layer<float>("{name: concat}");
  BOOST_TEST(
      (layer->setup(std::vector<Shape>{{4, 5, 6}, {4, 5, 1}, {4, 5, 3}}) == Shape{4, 5, 10}));
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

BOOST_AUTO_TEST_CASE(a_product_with_an_image_of_one_pixel_is_an_image_in_either_order) {
  const auto layer = make_layer<float>("{name: multiply}");
  const Shape image{1, 1, 4}, factors{4};
  BOOST_TEST((layer->setup(std::vector{image, factors}) == image));
  BOOST_TEST((layer->setup(std::vector{factors, image}) == image));
}

BOOST_AUTO_TEST_CASE(products_by_hand_of_equal_shapes_and_by_channel) {
  // Two images of two pixels and two channels.
  const std::vector<float> image{1, 2, 3, 4, 5, 6, 7, 8}, factors{10, 100, -1, 0};
  const std::vector<float> product{10, 200, 30, 400, -5, 0, -7, 0};
  for (const size_t of_factors : {0, 1})
    for (const Shape& small : {Shape{2}, Shape{1, 1, 2}}) {
      std::vector<Shape> shapes{{2, 1, 2}, {2, 1, 2}};
      shapes[of_factors] = small;
      Trial<float> trial("{name: multiply}", shapes, 2);
      std::ranges::copy(image, trial.x[1 - of_factors].data());
      std::ranges::copy(factors, trial.x[of_factors].data());
      trial.dy.fill(1);
      trial.forward();
      trial.backward();
      BOOST_TEST(trial.y.values() == product, boost::test_tools::per_element());
      const std::vector<float> of_image{10, 100, 10, 100, -1, 0, -1, 0}, of_factor{4, 6, 12, 14};
      BOOST_TEST(trial.dx[1 - of_factors].values() == of_image, boost::test_tools::per_element());
      BOOST_TEST(trial.dx[of_factors].values() == of_factor, boost::test_tools::per_element());
    }
  Trial<float> equal("{name: multiply}", {{3}, {3}}, 1);
  for (int64_t i = 0; i < 3; ++i) equal.x[0][i] = equal.x[1][i] = static_cast<float>(i);
  equal.forward();
  BOOST_TEST(equal.y.values() == (std::vector<float>{0, 1, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(layers_say_what_they_pass_on) {
  const auto passes = [](const std::string& yaml) {
    const auto layer = make_layer<float>(yaml);
    const Shape input{4, 4, 2};
    layer->setup(std::span(&input, 1));
    const ChannelPassing p = layer->passes();
    return fmt::format("{}{}{}{}{}", p.scale ? "scale " : "", p.shift ? "shift " : "",
                       p.mean ? "mean " : "", p.values ? "values " : "", p.order ? "order" : "");
  };
  BOOST_TEST(passes("{name: flatten}") == "scale shift mean values order");
  BOOST_TEST(passes("{name: max_pool}") == "scale shift values ");
  BOOST_TEST(passes("{name: global_average_pool}") == "scale shift mean ");
  BOOST_TEST(passes("{name: average_pool, kernel: 3, padding: 1}") == "scale shift mean ");
  BOOST_TEST(passes("{name: average_pool, kernel: 3, padding: 1, count_padding: true}") ==
             "scale ");
  BOOST_TEST(passes("{name: relu}") == "");
  BOOST_TEST(make_layer<float>("{name: add}")->is_sum());
  BOOST_TEST(!make_layer<float>("{name: multiply}")->is_sum());
  BOOST_TEST(!make_layer<float>("{name: concat}")->is_sum());
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  BOOST_TEST(error_of("{name: multiply}", {{2}, {2}, {2}}) ==
             "multiply: found 3 inputs, expected two");
  for (const Shape& other : {Shape{3}, Shape{2, 1, 4}, Shape{2, 2}})
    BOOST_TEST(error_of("{name: multiply}", {{2, 2, 4}, other}) ==
               fmt::format("multiply: found inputs of shapes [2, 2, 4] and {}, expected the same "
                           "shape, or [height, width, channels] and [channels]",
                           other.text()));
  BOOST_TEST(error_of("{name: add}", {{2, 2, 3}, {2, 2, 4}}) ==
             "add: found inputs of shapes [2, 2, 3] and [2, 2, 4], expected the same shape");
  BOOST_TEST(error_of("{name: concat}", {{2, 2, 3}, {2, 1, 3}}) ==
             "concat: found inputs of shapes [2, 2, 3] and [2, 1, 3], expected equal sizes but of "
             "channels");
  BOOST_TEST(error_of("{name: concat}", {{2}}) == "concat: found 1 inputs, expected two or more");
  BOOST_TEST(error_of("{name: add}", {{2}}) == "add: found 1 inputs, expected two or more");
  BOOST_TEST(error_of("{name: flatten, axis: 1}", {{2}}).find("axis: unknown key") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
