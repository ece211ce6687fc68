// Weights and ranges that train through a quantizer: values, gradients and steps by hand.
#include "quant/training/weight_training.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

Tensor<float> tensor(Shape shape, const std::vector<float>& values) {
  Tensor<float> out(shape);
  std::ranges::copy(values, out.data());
  return out;
}
std::vector<float> values_of(const Tensor<float>& t) {
  return {t.values().begin(), t.values().end()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(weight_training)

BOOST_AUTO_TEST_CASE(straight_through_passes_gradients_where_codes_do_not_saturate) {
  // 50 % of the values: [-1, 1] are covered, in steps of 2 / 3.
  const auto coarse =
      scheme("{estimator: {name: percentile, p: 50}, quantizer: {name: affine, bit_width: 2}}");
  const Tensor<float> weight = tensor({9, 1}, {-9, -5, -1, -1, 0, 1, 1, 5, 9});
  WeightTraining training(coarse, "w", Learning::straight_through, weight);
  Tensor<float> effective = weight, gradient = weight;
  gradient.fill(1);
  training.forward(weight, effective);
  BOOST_TEST(values_of(effective) == applied(training.range().quantization(), values_of(weight)));
  training.backward(weight, effective, gradient);
  BOOST_TEST(values_of(gradient) == (std::vector<float>{0, 0, 1, 1, 1, 1, 1, 0, 0}));
  BOOST_TEST(training.range().parameter().master.empty());
}

BOOST_AUTO_TEST_CASE(ranges_follow_the_weight_of_each_step) {
  WeightTraining training(scheme("{quantizer: affine}"), "w", Learning::straight_through,
                          tensor({2, 1}, {-1, 1}));
  const Tensor<float> later = tensor({2, 1}, {-1, 4.1f});
  Tensor<float> effective = later;
  training.forward(later, effective);
  BOOST_TEST((training.range().ranges() == std::vector<Range>{{-1, static_cast<double>(4.1f)}}));
}

BOOST_AUTO_TEST_CASE(a_learned_step_has_the_papers_gradient) {
  // Scale 1, codes -2 ... 1 (Qn = 2, Qp = 1).
  const auto two_bits = scheme("{quantizer: {name: affine, bit_width: 2, signed: true}}");
  const Tensor<float> weight = tensor({5, 1}, {-2, -1.25f, 0.4f, 0.75f, 1});
  WeightTraining training(two_bits, "w", Learning::lsq, weight);
  Parameter<float>& step = training.range().parameter();
  BOOST_TEST(step.name == "step");
  BOOST_TEST(!step.decays);
  BOOST_TEST(step.master[0] == 1);
  step.master[0] = 0.5f;  // now -2 ... 1 stand for -1 ... 0.5
  training.range().follow_parameter();
  Tensor<float> effective = weight;
  training.forward(weight, effective);
  BOOST_TEST(values_of(effective) == (std::vector<float>{-1, -1, 0.5f, 0.5f, 0.5f}));
  Tensor<float> gradient = tensor({5, 1}, {1, 2, 3, 4, 5});
  training.backward(weight, effective, gradient);
  BOOST_TEST(values_of(gradient) == (std::vector<float>{0, 0, 3, 0, 0}));
  // Outside the outermost code, inside round(w / s) - w / s; over sqrt(5 values, Qp).
  const double expected = (1 * -2 + 2 * -2 + 3 * (1 - 0.8) + 4 * 1 + 5 * 1) / std::sqrt(5.0);
  BOOST_TEST(std::abs(step.grad[0] - expected) < 1e-6);
}

BOOST_AUTO_TEST_CASE(the_step_that_is_trained_is_the_step_of_the_levels) {
  const Tensor<float> weight = tensor({4, 1}, {-1.3f, -0.2f, 0.45f, 0.9f});
  for (const int bits : {2, 4, 8})
    for (const std::string options :
         {"symmetric: false", "symmetric: false, signed: true", "symmetric: true",
          "symmetric: true, restricted_range: true",
          "symmetric: true, symmetric_divisor: half_span",
          "symmetric: true, symmetric_divisor: each_side", "symmetric: true, profile: aimet"}) {
      WeightTraining training(
          scheme(fmt::format("{{quantizer: {{name: affine, bit_width: {}, {}}}}}", bits, options)),
          "w", Learning::lsq, weight);
      TrainedRange& range = training.range();
      const AffineParameters before = *range.quantization().affine(0);
      BOOST_TEST(range.parameter().master[0] == before.scale, boost::test_tools::tolerance(1e-6f));
      for (const float step : {0.004f, 0.3f}) {
        range.parameter().master[0] = step;
        range.follow_parameter();
        BOOST_TEST(range.quantization().affine(0)->scale == step,
                   options << boost::test_tools::tolerance(1e-6f));
        BOOST_TEST(range.quantization().affine(0)->zero_point == before.zero_point);
      }
    }
}

BOOST_AUTO_TEST_CASE(schemes_fitted_to_values_train_straight_through) {
  const Tensor<float> weight = tensor({4, 1}, {-1, -0.25f, 0.5f, 1});
  for (const char* plugin : {"ternary", "{name: codebook, levels: 2}"}) {
    WeightTraining training(scheme(fmt::format("{{quantizer: {}}}", plugin)), "w",
                            Learning::straight_through, weight);
    Tensor<float> effective = weight;
    training.forward(weight, effective);
    BOOST_TEST(effective[0] < 0);
    BOOST_TEST(effective[3] > 0.5f);
  }
}

BOOST_AUTO_TEST_CASE(each_channel_learns_its_own_step) {
  const auto by_channel =
      scheme("{quantizer: {name: affine, granularity: per_channel, symmetric: true}}");
  const Tensor<float> weight = tensor({2, 2}, {1.27f, -2.54f, 0.3f, 0.507f});
  WeightTraining training(by_channel, "w", Learning::lsq, weight);
  BOOST_TEST(training.range().parameter().master.elements() == 2);
  Tensor<float> effective = weight, gradient = weight;
  training.forward(weight, effective);
  gradient.fill(0);
  gradient[3] = 1;
  training.backward(weight, effective, gradient);
  BOOST_TEST(training.range().parameter().grad[0] == 0);
  BOOST_TEST(training.range().parameter().grad[1] == -0.35f / std::sqrt(2 * 127.0f),
             boost::test_tools::tolerance(1e-3f));
}

BOOST_AUTO_TEST_CASE(a_step_under_zero_is_the_smallest_scale) {
  WeightTraining training(scheme("{quantizer: affine}"), "w", Learning::lsq,
                          tensor({2, 1}, {-1, 1}));
  training.range().parameter().master[0] = -1;
  training.range().follow_parameter();
  BOOST_TEST(training.range().quantization().at_smallest_scale(0));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
