// The step after a unit's output: values, moving ranges, gradients to the input, the step and the
// clip; the same bits on any number of threads.
#include "quant/training/output_training.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/threads.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr int64_t images = 11, rows = 6, channels = 3;

Tensor<float> drawn(uint64_t seed, double scale) {
  Tensor<float> out({images, rows, channels});
  for (int64_t i = 0; i < out.elements(); ++i)
    out[i] = static_cast<float>(scale * Rng(seed).normal(static_cast<uint64_t>(i)));
  return out;
}

/// What a forward and a backward leave.
struct Pass {
  Tensor<float> y, dx;
  std::vector<Range> ranges;
  std::vector<float> parameter_gradient;
};

Pass run(Learning learning, const std::string& section, std::vector<Range> ranges,
         double momentum = 0, const ChannelMap* map = nullptr, int threads = 1,
         Accumulate accumulate = Accumulate::no) {
  const int before = worker_count();
  set_worker_count(threads);
  TrainedRange range(scheme(section), "t", channels, learning, std::move(ranges), rows * channels);
  OutputTraining step(0, range, momentum);
  if (map) step.read_through(*map);
  const Tensor<float> x = drawn(1, 2);
  Tensor<float> dy = drawn(2, 1);
  Pass out{Tensor<float>(x.shape()), Tensor<float>(x.shape()), {}, {}};
  out.dx.fill(100);
  const View<const float> inputs[] = {x.view()};
  step.forward(inputs, out.y.view(), {}, nullptr);
  const InputGradient gradients[] = {{out.dx.view(), accumulate, nullptr, {}}};
  step.backward(inputs, std::as_const(out.y).view(), {}, dy.view(), gradients, nullptr);
  out.ranges = range.ranges();
  out.parameter_gradient.assign(range.parameter().grad.values().begin(),
                                range.parameter().grad.values().end());
  set_worker_count(before);
  return out;
}

const std::string four_bits = "{quantizer: {name: affine, bit_width: 4}}";

}  // namespace

BOOST_AUTO_TEST_SUITE(output_training)

BOOST_AUTO_TEST_CASE(values_are_quantized_and_gradients_pass_inside) {
  const Pass pass = run(Learning::straight_through, four_bits, {{-1.5, 1.5}});
  const auto quantized =
      quantizer("{name: affine, bit_width: 4}")->fit({"t", 3, {{-1.5, 1.5}}, {}});
  Tensor<float> expected = drawn(1, 2);
  const Tensor<float> x = drawn(1, 2), dy = drawn(2, 1);
  quantized->apply(whole_tile(expected.view()));
  const float scale = quantized->affine(0)->scale;
  int outside = 0;
  for (int64_t i = 0; i < x.elements(); ++i) {
    BOOST_TEST(pass.y[i] == expected[i]);
    const bool is_outside = x[i] < -8.5f * scale || x[i] > 7.5f * scale;
    BOOST_TEST(pass.dx[i] == (is_outside ? 0 : dy[i]));
    outside += is_outside;
  }
  BOOST_TEST(outside > 20);
  BOOST_TEST((pass.ranges == std::vector<Range>{{-1.5, 1.5}}));
  const Pass added =
      run(Learning::straight_through, four_bits, {{-1.5, 1.5}}, 0, nullptr, 1, Accumulate::yes);
  for (int64_t i = 0; i < x.elements(); ++i) BOOST_TEST(added.dx[i] == 100 + pass.dx[i]);
}

BOOST_AUTO_TEST_CASE(ranges_move_towards_each_batchs_ends) {
  const Tensor<float> x = drawn(1, 2);
  const auto [low, high] = std::ranges::minmax(x.values());
  const Pass pass = run(Learning::straight_through, four_bits, {{-1, 1}}, 0.25);
  BOOST_TEST(pass.ranges[0].low == -1 + 0.25 * (low + 1.0));
  BOOST_TEST(pass.ranges[0].high == 1 + 0.25 * (high - 1.0));
}

BOOST_AUTO_TEST_CASE(frozen_ranges_stay_whatever_becomes_of_their_parameters) {
  const Tensor<float> x = drawn(1, 2);
  for (const Learning learning : {Learning::straight_through, Learning::lsq, Learning::pact})
    for (const bool is_frozen : {false, true}) {
      TrainedRange range(scheme(four_bits), "t", channels, learning, {{0, 1}}, 18);
      OutputTraining step(0, range, 0.25);
      if (is_frozen) step.freeze();
      for (float& parameter : range.parameter().master.values()) parameter *= 2;
      const std::vector<Range> before = range.ranges();
      Tensor<float> y(x.shape());
      const View<const float> inputs[] = {x.view()};
      step.forward(inputs, y.view(), {}, nullptr);
      step.follow_parameter();
      BOOST_TEST((range.ranges() == before) == is_frozen);
    }
}

BOOST_AUTO_TEST_CASE(a_map_is_read_through) {
  const std::vector<float> scale{2, -1, 0.5f}, shift{0.25f, 0, -1};
  const ChannelMap map{scale.data(), shift.data(), FusedActivation::relu6};
  const Pass pass = run(Learning::straight_through, four_bits, {{0, 3}}, 0, &map);
  const Tensor<float> x = drawn(1, 2), dy = drawn(2, 1);
  const auto quantized = quantizer("{name: affine, bit_width: 4}")->fit({"t", 3, {{0, 3}}, {}});
  for (int64_t i = 0; i < x.elements(); ++i) {
    float v = std::min(6.0f, std::max(0.0f, x[i] * scale[i % 3] + shift[i % 3]));
    BOOST_TEST(pass.dx[i] == (v > 3.1f ? 0 : dy[i]));  // the map's own slope is not this step's
    quantized->apply({&v, 1, 1, 1, 0, i % 3, 0, 0});
    BOOST_TEST(pass.y[i] == v);
  }
}

BOOST_AUTO_TEST_CASE(a_learned_step_gathers_its_gradient) {
  const Pass pass = run(Learning::lsq, four_bits, {{-1.5, 1.5}});
  const Tensor<float> x = drawn(1, 2), dy = drawn(2, 1);
  const double scale = 0.2;
  double expected = 0;
  for (int64_t i = 0; i < x.elements(); ++i) {
    const double v = x[i] / scale;
    expected += dy[i] * (v < -8 ? -8 : v > 7 ? 7 : std::nearbyint(v) - v);
  }
  expected /= std::sqrt(18.0 * 7);
  BOOST_TEST(std::abs(pass.parameter_gradient[0] - expected) < 1e-4 * std::abs(expected));
  for (int64_t i = 0; i < x.elements(); ++i)
    BOOST_TEST(pass.dx[i] == (std::abs(x[i] / 0.2f + 0.5f) > 7.5f ? 0 : dy[i]));
}

BOOST_AUTO_TEST_CASE(a_clip_gathers_what_lies_above_it) {
  const Pass pass = run(Learning::pact, four_bits, {{-3, 1.5}});
  const Tensor<float> x = drawn(1, 2), dy = drawn(2, 1);
  double expected = 0;
  for (int64_t i = 0; i < x.elements(); ++i) {
    expected += x[i] > 1.5f ? dy[i] : 0;
    BOOST_TEST(pass.dx[i] == (x[i] > 1.5f || x[i] < 0 ? 0 : dy[i]));
  }
  BOOST_TEST(std::abs(pass.parameter_gradient[0] - expected) < 1e-5 * std::abs(expected));
  BOOST_TEST((pass.ranges == std::vector<Range>{{0, 1.5}}));
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  for (const Learning learning : {Learning::straight_through, Learning::lsq, Learning::pact}) {
    const Pass one = run(learning, four_bits, {{-1.5, 1.5}}, 0.5),
               three = run(learning, four_bits, {{-1.5, 1.5}}, 0.5, nullptr, 3);
    BOOST_TEST(std::ranges::equal(one.y.values(), three.y.values()));
    BOOST_TEST(std::ranges::equal(one.dx.values(), three.dx.values()));
    BOOST_TEST(one.parameter_gradient == three.parameter_gradient);
    BOOST_TEST((one.ranges == three.ranges));
  }
}

BOOST_AUTO_TEST_CASE(a_watched_gradient_and_input_give_the_same_bits) {
  for (const Learning learning : {Learning::straight_through, Learning::lsq, Learning::pact}) {
    const Pass expected = run(learning, four_bits, {{-1.5, 1.5}}, 0.5);
    TrainedRange range(scheme(four_bits), "t", channels, learning, {{-1.5, 1.5}}, rows * channels);
    OutputTraining step(0, range, 0.5);
    const Tensor<float> x = drawn(1, 2);
    Tensor<float> dy = drawn(2, 1), y = x;
    step.expect_gradients(images);
    if (step.input_watcher() != nullptr) {
      step.expect_input();
      for (int64_t image = 0; image < images; ++image)
        step.watch_input({x.data() + image * rows * channels, rows, channels, channels, 0, 0,
                          image / images_per_chunk, 0});
    }
    const View<const float> inputs[] = {x.view()};
    step.forward(inputs, {}, {}, nullptr);
    step.apply(whole_tile(y.view()));
    for (int64_t first = 0; first < images; first += 3)  // over the chunks' edges
      step.watch_gradient(x.view(), dy.view(), first, std::min<int64_t>(3, images - first));
    const InputGradient shared[] = {{dy.view(), Accumulate::no, nullptr, {}}};
    step.backward(inputs, {}, {}, dy.view(), shared, nullptr);
    BOOST_TEST(std::ranges::equal(y.values(), expected.y.values()));
    BOOST_TEST(std::ranges::equal(dy.values(), expected.dx.values()));
    BOOST_TEST((range.ranges() == expected.ranges));
    BOOST_TEST(std::ranges::equal(range.parameter().grad.values(), expected.parameter_gradient));
  }
}

BOOST_AUTO_TEST_CASE(values_whose_place_decides_are_written) {
  for (const bool is_stochastic : {false, true}) {
    TrainedRange range(
        scheme(is_stochastic ? "{quantizer: {name: affine, bit_width: 4, rounding: stochastic}}"
                             : four_bits),
        "t", channels, Learning::straight_through, {{-1, 1}}, 18);
    BOOST_TEST((OutputTraining(0, range, 0.5).transform() == nullptr) == is_stochastic);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
