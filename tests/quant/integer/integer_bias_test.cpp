// Biases at the scale of the products.
#include "quant/integer/integer_bias.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/quant/helpers.h"

namespace quantdyn::test {

BOOST_AUTO_TEST_SUITE(integer_bias)

BOOST_AUTO_TEST_CASE(a_bias_is_rounded_to_steps_of_the_products) {
  Parameter<float> weight, bias;
  weight.master = Tensor<float>({1, 2});
  bias.master = Tensor<float>({2});
  bias.master[0] = 0.7f;
  bias.master[1] = -0.3125f;  // 2.5 steps: to even
  Linear<float> linear{&weight, &bias, 2, 1, 1, 1};
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
  Linear<float> linear{&weight, &bias, 1, 1, 1, 1};
  const auto tiny = quantizer("affine")->fit({"x", 1, {{0, 0.1}}, {}});
  BOOST_TEST(contains(error_of<Error>([&] { round_bias("dw2/bias", linear, *tiny, *tiny); }),
                      "dw2/bias: channel 0: the bias 1"));
}

/// A pointwise layer of two inputs and two outputs, weights 1, 0.5; 0.25, 0.5.
struct Pointwise {
  Parameter<float> weight, bias;
  Linear<float> linear{&weight, &bias, 2, 1, 2, 2};

  explicit Pointwise(float first_bias) {
    weight.master = Tensor<float>({2, 2});
    std::ranges::copy(std::vector<float>{1, 0.5f, 0.25f, 0.5f}, weight.master.data());
    bias.master = Tensor<float>({2});
    bias.master[0] = first_bias;
    bias.master[1] = 3;
  }
};

BOOST_AUTO_TEST_CASE(a_bias_that_int32_could_not_hold_widens_the_scale_of_its_channel_alone) {
  constexpr double most = (1 << 30) - 1;
  const auto input = quantizer("affine")->fit({"x", 2, {{0, 2.55e-4}}, {}});
  const double input_scale = input->affine(0)->scale;
  for (const std::string granularity : {"per_channel", "per_tensor", "per_group, group_size: 2"}) {
    const auto tflite = scheme(
        "{quantizer: {name: affine, profile: tflite, symmetric: true, "
        "granularity: " +
        granularity + "}}");
    Pointwise layer(1e6f), without(1e6f);
    const auto least = least_scales(layer.linear, *input, tflite->quantizer->granularity());
    const QuantizedTensor plain = quantize_weight(*tflite, "w", without.weight);
    const QuantizedTensor widened = quantize_weight(*tflite, "w", layer.weight, {}, least);
    BOOST_TEST(widened.quantization->affine(0)->is_widened);
    BOOST_TEST(widened.quantization->affine(0)->scale ==
               static_cast<float>(1e6 / most / input_scale));
    // The weights' codes are those of the wider scale.
    BOOST_TEST(widened.codes[0] == std::nearbyint(1 / widened.quantization->affine(0)->scale));
    BOOST_TEST(plain.codes[0] == 127);
    const IntegerBias rounded = round_bias("n", layer.linear, *input, *widened.quantization);
    BOOST_TEST(std::abs(rounded.codes[0] - most) < 128);
    BOOST_TEST(!error_of<Error>([&] {
                  round_bias("n", without.linear, *input, *plain.quantization);
                }).empty());
    if (granularity != "per_channel") continue;
    BOOST_TEST(!widened.quantization->affine(1)->is_widened);
    BOOST_TEST(widened.quantization->affine(1)->scale == plain.quantization->affine(1)->scale);
    for (const int64_t i : {1, 3})
      BOOST_TEST(layer.weight.effective[i] == without.weight.effective[i]);
  }
}

BOOST_AUTO_TEST_CASE(scales_that_are_wide_enough_stay_to_the_bit) {
  const auto input = quantizer("affine")->fit({"x", 2, {{0, 2.55}}, {}});
  const auto tflite = scheme("{quantizer: {name: affine, profile: tflite}}");
  Pointwise layer(1e4f);
  const auto least = least_scales(layer.linear, *input, Granularity::per_tensor());
  const auto plain = *quantize_weight(*tflite, "w", layer.weight).quantization->affine(0);
  const auto same = *quantize_weight(*tflite, "w", layer.weight, {}, least).quantization->affine(0);
  BOOST_TEST(same.scale == plain.scale);
  BOOST_TEST(same.zero_point == plain.zero_point);
  BOOST_TEST(!same.is_widened);
}

BOOST_AUTO_TEST_CASE(a_wider_scale_keeps_zero_exact_and_is_a_power_of_two_where_scales_are) {
  const auto asymmetric = quantizer("{name: affine, profile: tflite}");
  const auto wide = asymmetric->fit({"w", 1, {{-1, 3}}, {}, {0.5}});
  BOOST_TEST(wide->affine(0)->scale == 0.5f);
  BOOST_TEST(wide->affine(0)->zero_point == -126);
  BOOST_TEST(applied(*wide, {-1, 0, 3}) == (std::vector<float>{-1, 0, 3}));
  const auto power = quantizer("{name: affine, widen_for_bias: true, power_of_two: floor}");
  BOOST_TEST(power->fit({"w", 1, {{-1, 3}}, {}, {0.3}})->affine(0)->scale == 0.5f);
  const auto deaf = quantizer("{name: affine, profile: tflite, widen_for_bias: false}");
  BOOST_TEST(deaf->fit({"w", 1, {{-1, 3}}, {}, {0.5}})->affine(0)->scale == 4.0f / 255);
}

BOOST_AUTO_TEST_CASE(no_bias_gets_none) {
  Parameter<float> weight, bias;
  weight.master = Tensor<float>({1, 1});
  Linear<float> linear{&weight, &bias, 1, 1, 1, 1};
  const auto q = quantizer("affine")->fit({"x", 1, {{0, 1}}, {}});
  BOOST_TEST(round_bias("n", linear, *q, *q).codes.empty());
  BOOST_TEST(bias.effective.empty());
  BOOST_TEST(least_scales(linear, *q, Granularity::per_tensor()) == std::vector<double>{0});
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
