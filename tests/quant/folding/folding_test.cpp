// Folding against the linear layer and the batch norm computed one after the other in double.
#include "quant/folding/folding.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

Tensor<float> filled(Shape shape, float low, float high, uint32_t seed) {
  Tensor<float> out(shape);
  for (float& x : out.values()) {
    seed = seed * 1664525u + 1013904223u;
    x = low + (high - low) * static_cast<float>(seed >> 8) * 0x1p-24f;
  }
  return out;
}

/// A linear layer and its batch norm; the roles point into it.
struct Pair {
  Parameter<float> weight, bias, gamma, beta, mean, variance;
  Linear<float> linear{};
  ChannelAffine<float> norm{};

  Pair(Shape shape, bool has_bias) {
    const int64_t channels = shape.channels();
    weight.master = filled(shape, -1, 1, 1);
    if (has_bias) bias.master = filled({channels}, -2, 2, 2);
    gamma.master = filled({channels}, -1.5f, 1.5f, 3);
    beta.master = filled({channels}, -1, 1, 4);
    mean.master = filled({channels}, -3, 3, 5);
    variance.master = filled({channels}, 1e-4f, 2, 6);
    linear = {&weight, &bias, channels, 1, shape.rank() == 3 ? channels : shape[2], 1};
    norm.gamma = &gamma;
    norm.beta = &beta;
    norm.mean = &mean;
    norm.variance = &variance;
    norm.epsilon = 1e-5;
  }
  Pair(const Pair&) = delete;
};

/// gamma (weight . x + bias - mean) / sqrt(variance + epsilon) + beta of one output channel.
double unfolded(const Pair& pair, const std::vector<double>& x, int64_t channel) {
  const int64_t channels = pair.linear.out_channels;
  double y = pair.bias.master.empty() ? 0 : pair.bias.master[channel];
  for (size_t i = 0; i < x.size(); ++i)
    y += static_cast<double>(pair.weight.master[static_cast<int64_t>(i) * channels + channel]) *
         x[i];
  return pair.gamma.master[channel] * (y - pair.mean.master[channel]) /
             std::sqrt(pair.variance.master[channel] + pair.norm.epsilon) +
         pair.beta.master[channel];
}

double worst_relative_error(Shape shape, bool has_bias) {
  const Pair pair(shape, has_bias);
  const Folded folded = fold(pair.linear, pair.norm);
  const int64_t channels = shape.channels();
  std::vector<double> x(static_cast<size_t>(shape.rows()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i) + 0.3);
  double worst = 0;
  for (int64_t c = 0; c < channels; ++c) {
    double y = folded.bias[c];
    double size = std::abs(y);  // of the terms: their sum may cancel
    for (size_t i = 0; i < x.size(); ++i) {
      const double term = folded.weight[static_cast<int64_t>(i) * channels + c] * x[i];
      y += term;
      size += std::abs(term);
    }
    worst = std::max(worst, std::abs(y - unfolded(pair, x, c)) / size);
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(folding)

BOOST_AUTO_TEST_CASE(hand_computed_channel_is_scaled_and_shifted) {
  Pair pair({1, 1, 1, 2}, true);
  const auto set = [](Parameter<float>& p, float a, float b) { p.master[0] = a, p.master[1] = b; };
  set(pair.weight, 3, -1);
  set(pair.bias, 1, 0);
  set(pair.gamma, 2, -1);
  set(pair.beta, 0.5f, 4);
  set(pair.mean, 5, 2);
  set(pair.variance, 15, 0);
  pair.norm.epsilon = 1;
  const Folded folded = fold(pair.linear, pair.norm);
  BOOST_TEST(folded.weight[0] == 3 * 2.0f / 4);
  BOOST_TEST(folded.weight[1] == 1);
  BOOST_TEST(folded.bias[0] == 0.5f + 2.0f / 4 * (1 - 5));
  BOOST_TEST(folded.bias[1] == 4 + 2);
  BOOST_TEST((folded.weight.shape() == Shape{1, 1, 1, 2}));
}

BOOST_AUTO_TEST_CASE(folded_layer_computes_the_same) {
  for (const Shape& shape :
       {Shape{3, 3, 8, 12}, Shape{1, 1, 130, 17}, Shape{3, 3, 33}, Shape{3, 3, 1}})
    for (const bool has_bias : {false, true})
      BOOST_TEST(worst_relative_error(shape, has_bias) < 1e-6, shape.text());
}

BOOST_AUTO_TEST_CASE(bias_pointer_may_be_null) {
  Pair with_empty({3, 3, 5}, false);
  const Folded expected = fold(with_empty.linear, with_empty.norm);
  with_empty.linear.bias = nullptr;
  BOOST_TEST(fold(with_empty.linear, with_empty.norm).bias[4] == expected.bias[4]);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_folded_is_an_error) {
  Pair pair({3, 3, 4}, false);
  pair.variance.master[2] = -1;
  BOOST_TEST(contains(error_of<Error>([&] { fold(pair.linear, pair.norm); }),
                      "batch norm channel 2: variance + epsilon is -0.99999"));
  pair.variance.master[2] = 1e-30f;
  pair.norm.epsilon = 0;
  pair.gamma.master[2] = 1e30f;
  BOOST_TEST(
      contains(error_of<Error>([&] { fold(pair.linear, pair.norm); }), "outside float32's range"));
  Pair narrow({3, 3, 3}, false);
  BOOST_TEST(contains(error_of<Error>([&] { fold(pair.linear, narrow.norm); }),
                      "a batch norm of 3 channels cannot be folded into weight [3, 3, 4] of 4"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
