// Schemes applied to weights and activations.
#include "quant/schemes/quantize.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

Parameter<float> make_weight() {
  Parameter<float> weight;
  weight.master = Tensor<float>({3, 3, 4});  // depthwise; channel 1 is all zero, 2 a single value
  for (int64_t i = 0; i < 36; ++i) {
    const float values[] = {static_cast<float>(i - 20) * 0.01f, 0, 0.75f, i == 35 ? 1000.0f : 0.1f};
    weight.master[i] = values[i % 4];
  }
  return weight;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(quantize)

BOOST_AUTO_TEST_CASE(weight_gets_its_image_and_keeps_its_master) {
  const auto v = scheme("{quantizer: {name: affine, granularity: per_channel}}");
  Parameter<float> weight = make_weight();
  const Tensor<float> before = weight.master;
  const QuantizedTensor q = quantize_weight(*v, "dw1/weight", weight);
  BOOST_TEST((q.codes.shape() == Shape{3, 3, 4}));
  BOOST_TEST(q.ranges.size() == 4);
  BOOST_TEST(q.quantization->entries() == 4);
  for (int64_t i = 0; i < 36; ++i) {
    BOOST_TEST(weight.master[i] == before[i]);
    const auto levels = q.quantization->levels(i % 4);
    BOOST_TEST(weight.effective[i] == levels[q.codes[i] - q.quantization->first_code()]);
    const float half_step = q.quantization->affine(i % 4)->scale / 2;
    BOOST_TEST(std::abs(weight.effective[i] - weight.master[i]) <= half_step * 1.0001f);
  }
  BOOST_TEST(weight.read() == weight.effective.data());
  BOOST_TEST(q.quantization->at_smallest_scale(1));
  BOOST_TEST(!q.quantization->at_smallest_scale(2));
  BOOST_TEST(weight.effective[2] == 0.75f);
}

BOOST_AUTO_TEST_CASE(per_tensor_scale_is_that_of_the_outlier) {
  const auto v = scheme("{quantizer: affine}");
  Parameter<float> weight = make_weight();
  const QuantizedTensor q = quantize_weight(*v, "dw1/weight", weight);
  BOOST_TEST(q.quantization->entries() == 1);
  BOOST_TEST(weight.effective[2] == 0);
  // The range [-0.2, 1000] has zero point round(0.05) = 0, so its upper end moves to 1000.2.
  BOOST_TEST(weight.effective[35] == 1000.2f, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(quantizing_twice_starts_from_the_master) {
  const auto coarse = scheme("{quantizer: {name: affine, bit_width: 2}}");
  const auto fine = scheme("{quantizer: {name: affine, bit_width: 16}}");
  Parameter<float> once = make_weight(), twice = make_weight();
  quantize_weight(*fine, "w", once);
  quantize_weight(*coarse, "w", twice);
  quantize_weight(*fine, "w", twice);
  BOOST_TEST(std::ranges::equal(once.effective.values(), twice.effective.values()));
}

BOOST_AUTO_TEST_CASE(nan_in_a_weight_is_an_error_that_names_it) {
  const auto v = scheme("{quantizer: affine}");
  Parameter<float> weight = make_weight();
  weight.master[6] = std::numeric_limits<float>::quiet_NaN();
  BOOST_TEST(contains(error_of<Error>([&] { quantize_weight(*v, "dw1/weight", weight); }),
                      "dw1/weight: channel 2 holds a NaN"));
}

BOOST_AUTO_TEST_CASE(activation_transform_comes_from_what_was_observed) {
  const auto v = scheme("{quantizer: {name: affine, bit_width: 4}}");
  SchemeObserver observer(*v, "conv1/output", 2);
  show({0, 15, 3, 2}, 2, observer);
  const QuantizedTensor q = observer.quantize();
  BOOST_TEST(q.codes.empty());
  BOOST_TEST((q.ranges == std::vector<Range>{{0, 15}}));
  BOOST_TEST(applied(*q.quantization, {2.4f, 99, -1, 7.7f}, 2) ==
             (std::vector<float>{2, 15, 0, 8}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
