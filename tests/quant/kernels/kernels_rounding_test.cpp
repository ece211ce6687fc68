// AdaRound's kernels against their reference, on every instruction set here.
#include "quant/kernels/kernels_rounding.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "framework/base/rng.h"
#include "tests/every_target.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;

struct Case {
  int64_t rows, channels;
  Floats scale, zero_point, lowest, highest, v, floor_code, weight_gradient;

  Case(int64_t row_count, int64_t channel_count) : rows(row_count), channels(channel_count) {
    const Rng rng(1);
    for (int64_t c = 0; c < channels; ++c) {
      scale.push_back(0.01f * static_cast<float>(c + 1));
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
    for (const int64_t channels : {1, 3, 17, 130}) {
      const Case c(5, channels);
      Floats found(c.v.size()), expected(c.v.size());
      rounding_kernels::soften(c.grid(), c.v.data(), c.floor_code.data(), c.rows, found.data());
      rounding_kernels::reference::soften(c.grid(), c.v.data(), c.floor_code.data(), c.rows,
                                          expected.data());
      BOOST_TEST(gap(found, expected) < 1e-5, target);
      for (const RoundingRule& rule : {RoundingRule{0, 20}, {0.01f, 20}, {0.1f, 2}, {1, 3.5f}}) {
        rounding_kernels::gradient(c.grid(), rule, c.v.data(), c.floor_code.data(),
                                   c.weight_gradient.data(), c.rows, found.data());
        rounding_kernels::reference::gradient(c.grid(), rule, c.v.data(), c.floor_code.data(),
                                              c.weight_gradient.data(), c.rows, expected.data());
        BOOST_TEST(gap(found, expected) < 1e-4, target);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(the_reference_is_the_slope_of_what_is_minimised) {
  const Case c(5, 3);
  const RoundingRule rule{0.3f, 3};
  Floats dv(c.v.size());
  rounding_kernels::reference::gradient(c.grid(), rule, c.v.data(), c.floor_code.data(),
                                        c.weight_gradient.data(), c.rows, dv.data());
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

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
