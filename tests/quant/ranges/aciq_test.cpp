// The estimator aciq: the paper's factors, fits by hand, and optimal ranges of drawn values.
#include "quant/ranges/aciq.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

using Floats = std::vector<float>;

/// Drawn about `center`.
Floats draw(bool is_laplace, float center, size_t count = 200000) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::exponential_distribution<float> exponential;
  Floats out(count);
  for (float& x : out) {
    const float z = normal(generator);
    x = center + (is_laplace ? std::copysign(exponential(generator), z) : z);
  }
  return out;
}

Floats relu(Floats values) {
  for (float& x : values) x = std::max(x, 0.0f);
  return values;
}

Range range_of(const std::string& options, const std::string& scheme, const Floats& x,
               TensorKind kind = TensorKind::activation) {
  return ranges_for(*quantizer("{name: affine, " + scheme + "}"),
                    "{name: aciq" + (options.empty() ? "" : ", " + options) + "}", x, 1, kind)[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(aciq)

BOOST_AUTO_TEST_CASE(factors_are_the_papers) {
  // Banner et al. 2019, section 3: for 2, 3 and 4 bits.
  const double laplace[] = {2.83, 3.89, 5.03}, gauss[] = {1.71, 2.15, 2.55};
  for (int bits = 2; bits <= 4; ++bits) {
    BOOST_TEST(std::abs(laplace_clip(bits) - laplace[bits - 2]) < 0.01);
    BOOST_TEST(std::abs(gauss_clip(bits) - gauss[bits - 2]) < 0.01);
  }
}

BOOST_AUTO_TEST_CASE(factors_solve_their_equations_to_17_bits) {
  for (int bits = 1; bits <= 17; ++bits) {
    const double levels = std::exp2(bits), alpha = laplace_clip(bits);
    BOOST_TEST(std::exp(-alpha) * 3 * levels * levels == alpha,
               boost::test_tools::tolerance(1e-12));
    // The expected error has its smallest value there: neighbours on both sides have more.
    const double beta = gauss_clip(bits);
    const auto error = [&](double reach) {
      const double density = std::exp(-reach * reach / 2) / std::sqrt(2 * M_PI);
      const double tail = std::erfc(reach / M_SQRT2) / 2;
      return 2 * ((1 + reach * reach) * tail - reach * density) +
             reach * reach / (3 * levels * levels);
    };
    BOOST_TEST(error(beta) < error(beta * 1.01));
    BOOST_TEST(error(beta) < error(beta * 0.99));
  }
}

BOOST_AUTO_TEST_CASE(fits_by_hand) {
  const ScaleFit mean = fit_about_mean({{-1, 0, 5}, {1, 2, 1}});
  BOOST_TEST(mean.center == 1);
  BOOST_TEST(mean.laplace == 2);  // (2 + 1 + 1 + 4) / 4
  BOOST_TEST(mean.gauss == std::sqrt(22.0 / 4));
  const ScaleFit above = fit_above_zero({{0, 1, 3}, {100, 3, 1}});
  BOOST_TEST(above.center == 0);
  BOOST_TEST(above.laplace == 1.5);
  BOOST_TEST(above.gauss == std::sqrt(12.0 / 4));
  BOOST_TEST(fit_above_zero({{0}, {7}}).gauss == 0);
  BOOST_TEST((ScaleFit{0, 0.75, 1}.is_laplace()));
  BOOST_TEST(!(ScaleFit{0, 0.77, 1}.is_laplace()));
}

BOOST_AUTO_TEST_CASE(range_by_hand) {
  // Mean 1, b 2, sigma sqrt(22 / 4).
  const Floats x{-1, 0, 0, 5};
  for (const char* scheme : {"bit_width: 2", "bit_width: 4"}) {
    const int bits = scheme[11] - '0';
    const Range range =
        range_of("distribution: laplace, within_ends: false", scheme, x, TensorKind::weight);
    BOOST_TEST(range.low == 1 - laplace_clip(bits) * 2, boost::test_tools::tolerance(1e-14));
    BOOST_TEST(range.high == 1 + laplace_clip(bits) * 2, boost::test_tools::tolerance(1e-14));
    const Range within = range_of("distribution: gauss", scheme, x, TensorKind::weight);
    BOOST_TEST(within.low == -1);
    BOOST_TEST(within.high == std::min(5.0, 1 + gauss_clip(bits) * std::sqrt(22.0 / 4)),
               boost::test_tools::tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(the_likelier_distribution_is_found) {
  for (const bool is_laplace : {true, false})
    for (const float center : {0.0f, 3.0f})
      for (const bool is_half : {false, true}) {
        const Floats x = is_half ? relu(draw(is_laplace, 0)) : draw(is_laplace, center);
        const std::string name = is_laplace ? "laplace" : "gauss";
        BOOST_TEST((range_of("", "bit_width: 3", x) ==
                    range_of("distribution: " + name, "bit_width: 3", x)));
      }
}

BOOST_AUTO_TEST_CASE(range_is_about_the_best_one_of_drawn_values) {
  for (const bool is_laplace : {true, false})
    for (const int bits : {3, 4})
      for (const bool is_half : {false, true}) {
        const Floats x = is_half ? relu(draw(is_laplace, 0)) : draw(is_laplace, 0);
        const auto q = quantizer(fmt::format("{{name: affine, bit_width: {}}}", bits));
        const auto error = [&](const Range& range) {
          const Floats y = applied(*q->fit({"tensor", 1, {range}, {}}), x);
          double sum = 0;
          for (size_t i = 0; i < x.size(); ++i) sum += std::pow(x[i] - y[i], 2);
          return sum;
        };
        const Range found = ranges_for(*q, "aciq", x, 1)[0];
        const Range best = ranges_for(*q, "{name: mse, steps: 64}", x, 1)[0];
        BOOST_TEST(error(found) < 1.12 * error(best), is_laplace << bits << is_half);
      }
}

BOOST_AUTO_TEST_CASE(half_a_distribution_has_all_levels_on_one_side) {
  const Floats x = relu(draw(true, 0));
  BOOST_TEST(range_of("", "bit_width: 4", x).low == 0);
  BOOST_TEST(range_of("", "bit_width: 4", x).high == laplace_clip(5),
             boost::test_tools::tolerance(0.01));
  BOOST_TEST(range_of("", "bit_width: 4, symmetric: true", x).high == laplace_clip(4),
             boost::test_tools::tolerance(0.01));
  BOOST_TEST(range_of("half_range: never", "bit_width: 4", x).high < laplace_clip(4));
}

BOOST_AUTO_TEST_CASE(bad_options_are_refused) {
  const auto error = [](const std::string& plugin) {
    return error_of<ConfigError>([&] { estimator(plugin); });
  };
  BOOST_TEST(
      contains(error("{name: aciq, distribution: cauchy}"), "accepted: auto, laplace, gauss"));
  BOOST_TEST(contains(error("{name: aciq, half_range: always}"), "accepted: auto, never"));
  BOOST_TEST(contains(error("{name: aciq, alpha: 3}"), "alpha: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
