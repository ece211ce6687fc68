// Moments of clipped normal variables against numerical integration, and how they pass a net.
#include "quant/repairs/channel_moments.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numbers>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr float infinity = Activation::infinity;
constexpr Ends relu{0, infinity}, relu6{0, 6};

/// By the midpoint rule over +- 12 deviations.
ClippedNormal integrated(double mean, double deviation, const Ends& ends) {
  constexpr int steps = 400000;
  double first = 0, second = 0;
  for (int i = 0; i < steps; ++i) {
    const double z = -12 + 24 * (i + 0.5) / steps;
    const double p = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi) * 24 / steps;
    const double y = std::clamp<double>(mean + deviation * z, ends.low, ends.high);
    first += p * y;
    second += p * y * y;
  }
  return {first, second - first * first};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(channel_moments)

BOOST_AUTO_TEST_CASE(clipped_normal_is_its_integral) {
  for (double mean : {-3.0, -0.4, 0.0, 0.7, 5.5, 9.0})
    for (double deviation : {0.1, 1.0, 4.0})
      for (const Ends& ends : {relu6, relu, Ends{-1, 2}, Ends{-infinity, 1}}) {
        const ClippedNormal found = clipped_normal(mean, deviation, ends);
        const ClippedNormal expected = integrated(mean, deviation, ends);
        BOOST_TEST(std::abs(found.mean - expected.mean) < 1e-8);
        BOOST_TEST(std::abs(found.variance - expected.variance) < 1e-7);
      }
  BOOST_TEST(clipped_normal(0, 1, relu).mean == 1 / std::sqrt(2 * std::numbers::pi),
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(a_constant_is_clipped_alone) {
  BOOST_TEST(clipped_normal(-2, 0, relu).mean == 0);
  BOOST_TEST(clipped_normal(7, 0, relu6).mean == 6);
  BOOST_TEST(clipped_normal(7, 0, relu6).variance == 0);
}

BOOST_AUTO_TEST_CASE(adds_sum_pools_pass_on_and_linear_layers_start_anew) {
  const FoldedNetwork net = fold_network(small_network());
  const auto moments = output_moments(net, {{0.1, 0.2, 0.3}, {0, 0, 0}});
  const auto at = [&](const char* name) { return moments[unit_of(net.network, name)]; };
  const FoldedNorm& norm = net.norms[unit_of(net.network, "res3_2")];
  const ClippedNormal shortcut =
      clipped_normal(net.norms[unit_of(net.network, "sep2_pw")].beta[0],
                     std::abs(net.norms[unit_of(net.network, "sep2_pw")].gamma[0]), relu);
  BOOST_TEST(at("res3_2").mean[0] == norm.beta[0]);  // no activation after it
  const ClippedNormal sum =
      clipped_normal(norm.beta[0] + shortcut.mean,
                     std::sqrt(norm.gamma[0] * norm.gamma[0] + shortcut.variance), relu);
  BOOST_TEST(at("res3").mean[0] == sum.mean, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(at("pool").mean == at("res3").mean);
  BOOST_TEST(at("logits").mean.empty());
  BOOST_TEST(at("input").mean[2] == 0.3);
}

BOOST_AUTO_TEST_CASE(an_activation_that_is_a_unit_of_its_own_clips) {
  // Two read the norm, so the relu is no part of its unit.
  const FoldedNetwork net = fold_network(network_of(R"(
input: [4, 4, 2]
nodes:
  - block: {name: a, channels: 3, activation: none}
  - relu: {name: act}
  - add: {name: sum, inputs: [a, act]}
  - conv2d: {name: b, channels: 1, kernel: 4, padding: valid}
  - flatten: {name: logits}
)"));
  const auto moments = output_moments(net, {{0, 0}, {0, 0}});
  const FoldedNorm& norm = net.norms[unit_of(net.network, "a")];
  const ClippedNormal clipped = clipped_normal(norm.beta[0], std::abs(norm.gamma[0]), relu);
  BOOST_TEST(moments[unit_of(net.network, "a")].mean[0] == norm.beta[0]);
  BOOST_TEST(moments[unit_of(net.network, "act")].mean[0] == clipped.mean);
}

BOOST_AUTO_TEST_CASE(what_is_known_is_seen_in_the_unfolded_net) {
  const Network net = small_network();
  for (int unit = 1; unit < static_cast<int>(net.units().size()); ++unit)
    BOOST_TEST(unknown_input_moments(net, unit) == "");
  const Network pooled = network_of(R"(
input: [4, 4, 1]
nodes:
  - conv2d: {name: bare, channels: 2, kernel: 3}
  - block: {name: a, channels: 2}
  - max_pool: {name: pool}
  - block: {name: b, channels: 2}
  - flatten: {name: flat}
  - dense: {name: logits, units: 2}
)");
  const auto unknown = [&](const char* name) {
    return unknown_input_moments(pooled, unit_of(pooled, name));
  };
  BOOST_TEST(unknown("bare") == "");
  BOOST_TEST(unknown("a") == "'bare' (conv2d) has no batch norm");
  BOOST_TEST(unknown("b") == "'pool' (max_pool) does not pass means on");
  BOOST_TEST(unknown("logits") == "");
}

BOOST_AUTO_TEST_CASE(nothing_is_known_after_layers_that_promise_nothing) {
  const Network net = network_of(R"(
input: [4, 4, 2]
nodes:
  - block: {name: a, channels: 3, activation: leaky_relu}
  - block: {name: b, channels: 3}
  - multiply: {name: product, inputs: [b, b]}
  - conv2d: {name: c, channels: 2, kernel: 1}
  - flatten: {name: logits}
)");
  BOOST_TEST(unknown_input_moments(net, unit_of(net, "b")) ==
             "'a.activation' (leaky_relu) is not a clip such as relu and relu6");
  BOOST_TEST(unknown_input_moments(net, unit_of(net, "c")) ==
             "'product' (multiply) does not pass means on");
  const auto moments = output_moments(fold_network(net), {{0, 0}, {0, 0}});
  BOOST_TEST(moments[unit_of(net, "a")].mean.empty());
  BOOST_TEST(moments[unit_of(net, "product")].mean.empty());
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
