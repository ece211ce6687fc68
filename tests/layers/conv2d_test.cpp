#include <boost/test/unit_test.hpp>

#include "framework/graph/convolution.h"
#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(conv2d)

namespace {
const Convolution geometry(const std::string& yaml, const Shape& input) {
  const auto layer = make_layer<float>(yaml);
  layer->setup(std::span(&input, 1));
  return *layer->convolution();
}
}  // namespace

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  struct Case {
    const char* options;
    Shape input;
  };
  const Case cases[] = {
      {"channels: 3, kernel: 3", {7, 7, 1}},
      {"channels: 1, kernel: 3, stride: 2", {7, 2, 3}},
      {"channels: 17, kernel: [2, 3], stride: [1, 2], padding: valid", {3, 7, 3}},
      {"channels: 3, kernel: 3, stride: 2", {4, 6, 2}},  // asymmetric: nothing before, one after
      {"channels: 4, kernel: 3, groups: 2, padding: [1, 0, 2, 1]", {2, 3, 6}},
      {"channels: 17, kernel: 3, stride: 2, groups: 17", {5, 4, 17}},
      {"channels: 6, kernel: 2, groups: 3", {3, 3, 3}},  // two filters for each channel
      {"channels: 17, kernel: 1, bias: false", {2, 2, 3}},
      {"channels: 2, kernel: 5, padding: 2", {1, 1, 3}},
  };
  for (const Case& c : cases)
    BOOST_TEST(worst_gradient_error(fmt::format("{{name: conv2d, {}}}", c.options), {c.input}, 2) <
               1e-7);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  const char* const options[] = {"channels: 5", "channels: 3, groups: 3",
                                 "channels: 6, groups: 3, stride: 2"};
  for (const char* text : options)
    BOOST_TEST(same_bits_for_any_thread_count(fmt::format("{{name: conv2d, kernel: 3, {}}}", text),
                                              {{5, 4, 3}}));
}

BOOST_AUTO_TEST_CASE(same_padding_by_hand) {
  // Ones over a 2 x 2 image: the corners of the 3 x 3 kernel's sums.
  const std::vector<float> ones(9, 1), image{1, 2, 3, 4};
  const std::vector<float> expected{10, 10, 10, 10};
  BOOST_TEST(evaluated("{name: conv2d, channels: 1, kernel: 3, bias: false}", {2, 2, 1}, image,
                       {ones}) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(asymmetric_same_padding_by_hand) {
  // 4 pixels, kernel 3, stride 2: TensorFlow pads one zero after and none before.
  const std::vector<float> y =
      evaluated("{name: conv2d, channels: 1, kernel: [1, 3], stride: [1, 2]}", {1, 4, 1},
                {1, 2, 3, 4}, {{100, 10, 1}, {0.5f}});
  const std::vector<float> expected{123.5f, 340.5f};
  BOOST_TEST(y == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(weights_are_kh_kw_in_out_by_hand) {
  // Two input and two output channels, pointwise: y_k = sum_c x_c w[c][k] + b_k.
  const std::vector<float> y = evaluated("{name: conv2d, channels: 2, kernel: 1}", {1, 1, 2},
                                         {1, 2}, {{1, 2, 10, 20}, {0.5f, 0.25f}});
  const std::vector<float> expected{21.5f, 42.25f};
  BOOST_TEST(y == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(groups_see_only_their_channels_by_hand) {
  // Two groups, of two inputs and one output each.
  const std::vector<float> y =
      evaluated("{name: conv2d, channels: 2, kernel: 1, groups: 2, bias: false}", {1, 1, 4},
                {1, 2, 3, 4}, {{1, 100, 10, 1000}});
  const std::vector<float> expected{21, 4300};
  BOOST_TEST(y == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(depthwise_weights_are_kh_kw_channels) {
  const auto layer = make_layer<float>("{name: conv2d, channels: 3, kernel: 3, groups: 3}");
  const Shape input{8, 8, 3};
  layer->setup(std::span(&input, 1));
  BOOST_TEST((layer->parameters()[0]->master.shape() == Shape{3, 3, 3}));
  BOOST_TEST(layer->convolution()->is_depthwise());
  BOOST_TEST(layer->linear()->fan_in == 9);
  BOOST_TEST(layer->linear()->groups == 3);
  BOOST_TEST(layer->multiply_accumulates() == 8 * 8 * 3 * 9);
}

BOOST_AUTO_TEST_CASE(geometry_is_exposed) {
  const Convolution g =
      geometry("{name: conv2d, channels: 64, kernel: 3, stride: 2}", {32, 33, 16});
  BOOST_TEST(g.out_h == 16);
  BOOST_TEST(g.out_w == 17);
  BOOST_TEST(g.pad_top == 0);
  BOOST_TEST(g.pad_bottom == 1);
  BOOST_TEST(g.pad_left == 1);
  BOOST_TEST(g.pad_right == 1);
  BOOST_TEST(g.fan_in() == 144);
  BOOST_TEST(!g.is_depthwise());
  const Convolution pads =
      geometry("{name: conv2d, channels: 1, kernel: 1, padding: [1, 2, 3, 4]}", {5, 5, 1});
  BOOST_TEST(pads.out_h == 8);
  BOOST_TEST(pads.out_w == 12);
  BOOST_TEST(pads.pad_bottom == 2);
  BOOST_TEST(pads.pad_left == 3);
  BOOST_TEST(!pads.is_pointwise());
}

BOOST_AUTO_TEST_CASE(effective_weight_and_bias_are_read) {
  const auto layer = make_layer<float>("{name: conv2d, channels: 1, kernel: 1, bias: false}");
  const Shape input{1, 1, 1};
  layer->setup(std::span(&input, 1));
  layer->linear()->weight->effective = Tensor<float>(Shape{1, 1, 1, 1});
  layer->linear()->weight->effective.fill(3);
  layer->linear()->bias->effective = Tensor<float>(Shape{1});
  layer->linear()->bias->effective.fill(0.5f);
  Tensor<float> x(Shape{1, 1, 1, 1}), y(Shape{1, 1, 1, 1});
  x.fill(2);
  const View<const float> view = x.view();
  layer->evaluate(std::span(&view, 1), y.view());
  BOOST_TEST(y[0] == 6.5f);
}

BOOST_AUTO_TEST_CASE(own_initializer_replaces_the_networks) {
  const auto network =
      Registry<Initializer>::instance().make(Options::from_text("{name: he_normal}", "test"));
  const Shape input{4, 4, 2};
  const auto start = [&](const std::string& options) {
    const auto layer = make_layer<float>("{name: conv2d, channels: 2, kernel: 3" + options + "}");
    layer->setup(std::span(&input, 1));
    layer->initialize(*network, Rng(1));
    const auto values = layer->parameters()[0]->master.values();
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> own = start(", initializer: {name: uniform, low: 1, high: 2}");
  BOOST_TEST(std::ranges::all_of(own, [](float w) { return w >= 1 && w < 2; }));
  BOOST_TEST(start("") == start(", initializer: he_normal"), boost::test_tools::per_element());
  BOOST_TEST(start("") == start(", initializer: network"), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  const auto refused = [](const std::string& options, const Shape& input, const char* words) {
    const std::string error = error_of("{name: conv2d, " + options + "}", {input});
    BOOST_TEST(error.find(words) != std::string::npos,
               "'" << error << "' does not say '" << words << "'");
  };
  refused("channels: 3, kernel: 3, groups: 2", {8, 8, 4}, "2 groups do not divide 4 input");
  refused("channels: 3, kernel: 3", {8}, "shape [8], expected [height, width, channels]");
  refused("channels: 3, kernel: 9, padding: valid", {8, 8, 4}, "kernel [9, 9] does not fit");
  refused("channels: 3, kernel: [3, 3, 3]", {8, 8, 4}, "kernel: found 3 numbers");
  refused("channels: 3, kernel: 3, padding: sme", {8, 8, 4}, "padding: found 'sme'");
  refused("channels: 3, kernel: 3, padding: [1, 1, 1]", {8, 8, 4}, "padding: found 3 numbers");
  refused("channels: 3, kernel: 3, padding: -1", {8, 8, 4}, "padding: found '-1'");
  refused("channels: 3", {8, 8, 4}, "kernel: missing");
  refused("channels: 3, kernel: 3, dilation: 2", {8, 8, 4}, "dilation: unknown key");
  refused("channels: 3, kernel: 3, initializer: {name: network, gain: 2}", {8, 8, 4},
          "gain: unknown key");
}

BOOST_AUTO_TEST_SUITE_END()
