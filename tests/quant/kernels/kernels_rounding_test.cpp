// AdaRound's kernels against their reference, on every instruction set here.
#include "quant/kernels/kernels_rounding.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/rng.h"
#include "framework/learning/optimizer.h"
#include "tests/every_target.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;

struct Case {
  int64_t rows, channels;
  Floats scale, zero_point, lowest, highest, floor_code, weight_gradient, v, mean, square,
      effective;

  Case(int64_t row_count, int64_t channel_count) : rows(row_count), channels(channel_count) {
    const Rng rng(1);
    for (int64_t c = 0; c < channels; ++c) {
      scale.push_back(0.01f * static_cast<float>(c % 20 + 1));
      zero_point.push_back(static_cast<float>(c % 3));
      lowest.push_back(-4);
      highest.push_back(3);
    }
    for (int64_t i = 0; i < rows * channels; ++i) {
      const auto at = static_cast<uint64_t>(4 * i);
      v.push_back(static_cast<float>(3 * rng.normal(at)));
      floor_code.push_back(static_cast<float>(std::floor(3 * rng.normal(at + 1))));
      weight_gradient.push_back(static_cast<float>(rng.normal(at + 2)));
    }
    v[0] = 0;  // h = 1/2, where the rule's slope is 0
    mean.resize(v.size());
    square.resize(v.size());
    effective.resize(v.size());
  }
  rounding_kernels::Rows weights() {
    return {floor_code.data(), v.data(), mean.data(), square.data(), effective.data()};
  }
  RoundingGrid grid() const {
    return {scale.data(), zero_point.data(), lowest.data(), highest.data(), channels};
  }
};

double gap(const Floats& a, const Floats& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i)
    out = std::max(out, std::abs(static_cast<double>(a[i]) - b[i]) / (1e-2 + std::abs(b[i])));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_rounding)

BOOST_AUTO_TEST_CASE(kernels_are_near_their_reference) {
  on_every_target([](const std::string& target) {
    for (const int64_t channels : {1, 3, 17, 130, 300})
      for (const RoundingRule& rule : {RoundingRule{0, 20}, {0.01f, 20}, {0.1f, 2}, {1, 3.5f}}) {
        Case found(5, channels), expected(5, channels);
        rounding_kernels::soften(found.grid(), found.weights(), found.rows);
        rounding_kernels::reference::soften(expected.grid(), expected.weights(), expected.rows);
        BOOST_TEST(gap(found.effective, expected.effective) < 1e-5, target);
        for (int64_t t = 1; t < 4; ++t) {
          const AdamStep adam = AdamStep::at(t, 0.01);
          BOOST_TEST(rounding_kernels::step(found.grid(), rule, adam, found.weight_gradient.data(),
                                            found.weights(), found.rows));
          BOOST_TEST(rounding_kernels::reference::step(expected.grid(), rule, adam,
                                                       expected.weight_gradient.data(),
                                                       expected.weights(), expected.rows));
          BOOST_TEST(gap(found.mean, expected.mean) < 1e-4, target);
          BOOST_TEST(gap(found.square, expected.square) < 1e-4, target);
          // Where dV is near 0, a step of the rate's size goes either way.
          BOOST_TEST(gap(found.v, expected.v) < (t == 1 ? 1e-2 : 3e-2), target);
          expected.v = found.v;
          rounding_kernels::reference::soften(expected.grid(), expected.weights(), expected.rows);
          BOOST_TEST(gap(found.effective, expected.effective) < 1e-5, target);
        }
      }
  });
}

/// dV of a first step, in which Adam's mean is (1 - beta1) dV.
Floats slopes_of(Case c, const RoundingRule& rule) {
  const AdamStep adam = AdamStep::at(1, 0.01);
  std::ranges::fill(c.mean, 0.0f);
  rounding_kernels::reference::step(c.grid(), rule, adam, c.weight_gradient.data(), c.weights(),
                                    c.rows);
  for (float& value : c.mean) value /= adam.take_mean;
  return c.mean;
}

BOOST_AUTO_TEST_CASE(the_reference_is_the_slope_of_what_is_minimised) {
  const Case c(5, 3);
  const RoundingRule rule{0.3f, 3};
  const Floats dv = slopes_of(c, rule);
  const auto loss = [&](size_t i, double v) {
    const double h = std::clamp(1.2 / (1 + std::exp(-v)) - 0.1, 0.0, 1.0);
    const size_t channel = i % 3;
    const double code =
        std::clamp<double>(c.floor_code[i] + h, c.lowest[channel], c.highest[channel]);
    return c.weight_gradient[i] * code * c.scale[channel] +
           rule.strength * (1 - std::pow(std::abs(2 * h - 1), rule.exponent));
  };
  for (size_t i = 0; i < c.v.size(); ++i) {
    const double slope = (loss(i, c.v[i] + 1e-5) - loss(i, c.v[i] - 1e-5)) / 2e-5;
    BOOST_TEST(std::abs(dv[i] - slope) < 1e-5, i << ": " << dv[i] << " and " << slope);
  }
}

BOOST_AUTO_TEST_CASE(a_step_moves_v_as_the_optimizer_does) {
  Case c(5, 3);
  Parameter<float> v;
  v.name = "rounding";
  v.master = v.grad = Tensor<float>({5, 3});
  std::ranges::copy(c.v, v.master.data());
  const auto adam =
      Registry<Optimizer>::instance().make(Options::from_text("{name: adam}", "test.yaml"));
  Parameter<float>* const parameters[] = {&v};
  const RoundingRule rule{0.3f, 3};
  for (int64_t t = 1; t < 20; ++t) {
    std::ranges::copy(slopes_of(c, rule), v.grad.data());
    adam->step(parameters, 0.01);
    rounding_kernels::step(c.grid(), rule, AdamStep::at(t, 0.01), c.weight_gradient.data(),
                           c.weights(), c.rows);
    BOOST_TEST(gap(c.v, Floats(v.master.values().begin(), v.master.values().end())) < 1e-4);
    std::ranges::copy(v.master.values(), c.v.begin());
  }
}

BOOST_AUTO_TEST_CASE(weights_that_cannot_move_never_move_again) {
  Case c(5, 17);
  const auto step = [&](int64_t t) {
    return rounding_kernels::step(c.grid(), {0.1f, 2}, AdamStep::at(t, 0.05),
                                  c.weight_gradient.data(), c.weights(), c.rows);
  };
  int64_t t = 1;
  while (step(t) && t < 2000) ++t;
  BOOST_TEST_REQUIRE(t < 2000);
  const Floats effective = c.effective, v = c.v;
  for (const int64_t end = t + 500; t < end; ++t) BOOST_TEST(!step(t));
  BOOST_TEST(bits(c.effective) == bits(effective), boost::test_tools::per_element());
  for (size_t i = 0; i < v.size(); ++i) BOOST_TEST((v[i] >= 0) == (c.v[i] >= 0));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
