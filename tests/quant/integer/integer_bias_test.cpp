// Biases at the scale of the products.
#include "quant/integer/integer_bias.h"

#include <boost/test/unit_test.hpp>

#include "tests/quant/helpers.h"

namespace quantdyn::test {

BOOST_AUTO_TEST_SUITE(integer_bias)

BOOST_AUTO_TEST_CASE(a_bias_is_rounded_to_steps_of_the_products) {
  Parameter<float> weight, bias;
  weight.master = Tensor<float>({1, 2});
  bias.master = Tensor<float>({2});
  bias.master[0] = 0.7f;
  bias.master[1] = -0.3125f;  // 2.5 steps: to even
  const Linear<float> linear{&weight, &bias, 2, 1, 1, 1};
  const auto input = quantizer("affine")->fit({"x", 1, {{0, 63.75}}, {}});  // scale 1/4
  const auto of_weight = quantizer("{name: affine, granularity: per_channel, bit_width: 4}")
                             ->fit({"w", 2, {{0, 15}, {0, 7.5}}, {}});  // scales 1, 1/2
  const IntegerBias rounded = round_bias("n", linear, *input, *of_weight);
  BOOST_TEST(rounded.codes[0] == 3);
  BOOST_TEST(rounded.codes[1] == -2);
  BOOST_TEST(rounded.scale == (std::vector<double>{0.25, 0.125}));
  BOOST_TEST(bias.effective[0] == 0.75f);
  BOOST_TEST(bias.effective[1] == -0.25f);
  BOOST_TEST(bias.master[0] == 0.7f);
}

BOOST_AUTO_TEST_CASE(a_bias_that_int32_cannot_hold_is_an_error) {
  Parameter<float> weight, bias;
  weight.master = Tensor<float>({1, 1});
  bias.master = Tensor<float>({1});
  bias.master[0] = 1e9f;
  const Linear<float> linear{&weight, &bias, 1, 1, 1, 1};
  const auto tiny = quantizer("affine")->fit({"x", 1, {{0, 0.1}}, {}});
  BOOST_TEST(contains(error_of<Error>([&] { round_bias("dw2/bias", linear, *tiny, *tiny); }),
                      "dw2/bias: channel 0: the bias 1"));
}

BOOST_AUTO_TEST_CASE(no_bias_gets_none) {
  Parameter<float> weight, bias;
  weight.master = Tensor<float>({1, 1});
  const Linear<float> linear{&weight, &bias, 1, 1, 1, 1};
  const auto q = quantizer("affine")->fit({"x", 1, {{0, 1}}, {}});
  BOOST_TEST(round_bias("n", linear, *q, *q).codes.empty());
  BOOST_TEST(bias.effective.empty());
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
