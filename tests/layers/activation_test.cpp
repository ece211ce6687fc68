#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/layers/gradient_check.h"

using namespace quantdyn;
using namespace quantdyn::testing;

BOOST_AUTO_TEST_SUITE(activation)

namespace {

const std::vector<float> edges{-4, -3, -1, 0, 0.5f, 3, 6, 7};

/// An activation with its values and slopes at `edges`.
struct Known {
  std::string yaml;
  std::vector<float> values, slopes;
};
const std::vector<Known> known{
    {"{name: relu}", {0, 0, 0, 0, 0.5f, 3, 6, 7}, {0, 0, 0, 0, 1, 1, 1, 1}},
    {"{name: relu6}", {0, 0, 0, 0, 0.5f, 3, 6, 6}, {0, 0, 0, 0, 1, 1, 0, 0}},
    {"{name: channel_clip}", {0, 0, 0, 0, 0.5f, 3, 6, 6}, {0, 0, 0, 0, 1, 1, 0, 0}},
    {"{name: channel_clip, low: -1, high: 3}",
     {-1, -1, -1, 0, 0.5f, 3, 3, 3},
     {0, 0, 0, 1, 1, 0, 0, 0}},
    {"{name: leaky_relu, slope: 0.25}",
     {-1, -0.75f, -0.25f, 0, 0.5f, 3, 6, 7},
     {0.25f, 0.25f, 0.25f, 0.25f, 1, 1, 1, 1}},
    {"{name: hard_swish}",
     {0, 0, -1 / 3.0f, 0, 1.75f / 6, 3, 6, 7},
     {0, 0, 1 / 6.0f, 0.5f, 4 / 6.0f, 1, 1, 1}},
    {"{name: sigmoid}",
     {0.01798621f, 0.04742587f, 0.26894142f, 0.5f, 0.62245933f, 0.95257413f, 0.99752738f,
      0.99908895f},
     {0.01766271f, 0.04517666f, 0.19661193f, 0.25f, 0.23500371f, 0.04517666f, 0.00246651f,
      0.00091022f}},
};

/// The names of all registered activations that need no options.
std::vector<std::string> names() {
  std::vector<std::string> out{""};
  for (char c : activation_names())
    if (c == ',')
      out.emplace_back();
    else if (c != ' ')
      out.back() += c;
  return out;
}

std::string yaml_of(const std::string& name) { return fmt::format("{{name: {}}}", name); }

void check_near(std::span<const float> found, const std::vector<float>& expected,
                const std::string& yaml) {
  for (size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) < 1e-6,
               yaml << " at " << edges[i] << ": " << found[i] << ", not " << expected[i]);
}

}  // namespace

BOOST_AUTO_TEST_CASE(gradients_match_differences) {
  for (const std::string& name : names()) {
    BOOST_TEST(worst_gradient_error(yaml_of(name), {{7, 2, 3}}, 9) < 1e-7);
    BOOST_TEST(worst_gradient_error(yaml_of(name), {{7, 2, 17}}, 2, 4) < 1e-7);
  }
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  for (const std::string& name : names())
    BOOST_TEST(same_bits_for_any_thread_count(yaml_of(name), {{3, 3, 3}}));
}

BOOST_AUTO_TEST_CASE(values_and_slopes_by_hand) {
  for (const Known& of : known) {
    check_near(evaluated(of.yaml, {8}, edges), of.values, of.yaml);
    Trial<float> trial(of.yaml, {{8}}, 1);
    std::ranges::copy(edges, trial.x[0].data());
    trial.dy.fill(1);
    trial.forward();
    trial.backward();
    check_near(trial.dx[0].values(), of.slopes, of.yaml);
  }
}

BOOST_AUTO_TEST_CASE(one_value_keeps_its_shape_and_far_ones_are_finite) {
  for (const std::string& name : names()) {
    const Shape one{1};
    BOOST_TEST((make_layer<float>(yaml_of(name))->setup(std::span(&one, 1)) == one));
    for (float x : {-1e30f, 1e30f})
      BOOST_TEST(std::isfinite(evaluated(yaml_of(name), one, {x})[0]), name);
  }
}

BOOST_AUTO_TEST_CASE(nan_stays_nan) {
  for (const std::string& name : names())
    BOOST_TEST(std::isnan(evaluated(yaml_of(name), {1}, {std::nanf("")})[0]), name);
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused) {
  for (const std::string& name : names())
    BOOST_TEST(error_of(yaml_of(name), {{3}, {3}}) ==
               fmt::format("{}: found 2 inputs, expected one", name));
  for (const char* slope : {"0", "-0.1", "1.5"})
    BOOST_TEST(error_of(fmt::format("{{name: leaky_relu, slope: {}}}", slope), {{3}})
                   .find("is out of range; accepted: a number over 0 and at most 1") !=
               std::string::npos);
  BOOST_TEST(error_of("{name: channel_clip, low: 6}", {{3}})
                 .find("high: found 6, which is not over low, 6") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_activation_is_what_it_says) {
  for (const std::string& name : names()) {
    const Activation role = *make_layer<float>(yaml_of(name))->activation();
    const auto f = [&](float x) { return evaluated(yaml_of(name), {1}, {x})[0]; };
    float before = f(-20);
    for (float x = -20; x <= 20; x += 0.125f) {
      const float y = f(x);
      BOOST_TEST((y >= role.values.low && y <= role.values.high), name << " of " << x);
      if (x >= role.identity.low && x <= role.identity.high)
        BOOST_TEST(y == x, name << " of " << x);
      if (role.is_monotone) BOOST_TEST(y >= before, name << " of " << x);
      if (role.is_homogeneous) BOOST_TEST(f(4 * x) == 4 * y, name << " of " << x);
      before = y;
    }
  }
}

BOOST_AUTO_TEST_CASE(each_channel_has_its_own_ends) {
  Trial<double> trial("{name: channel_clip}", {{2}}, 2);
  ChannelEnds<double>& ends = *trial.layer->channel_ends();
  ends.low->master[1] = -2;
  ends.high->master[1] = 1;
  const std::vector<double> x{-3, -3, 7, 0.5};
  std::ranges::copy(x, trial.x[0].data());
  trial.dy.fill(1);
  trial.forward();
  trial.backward();
  const auto values = [](const Tensor<double>& t) {
    return std::vector<double>(t.values().begin(), t.values().end());
  };
  BOOST_TEST(values(trial.y) == (std::vector<double>{0, -2, 6, 0.5}));
  BOOST_TEST(values(trial.dx[0]) == (std::vector<double>{0, 0, 0, 1}));
  const Activation role = *trial.layer->activation();
  BOOST_TEST(!role.is_clip());
  BOOST_TEST(role.is_monotone);
  BOOST_TEST((role.values == Ends{-2, 6}));
  BOOST_TEST((role.identity == Ends{0, 1}));
}

BOOST_AUTO_TEST_CASE(clips_are_told_from_other_functions) {
  const auto role = [](const char* yaml) { return make_layer<float>(yaml)->activation(); };
  BOOST_TEST(role("{name: relu}")->is_clip());
  BOOST_TEST(role("{name: relu}")->is_homogeneous);
  BOOST_TEST(role("{name: relu6}")->is_clip());
  BOOST_TEST(!role("{name: relu6}")->is_homogeneous);
  BOOST_TEST(role("{name: channel_clip}")->is_clip());
  BOOST_TEST(!role("{name: leaky_relu}")->is_clip());
  BOOST_TEST(role("{name: leaky_relu}")->is_homogeneous);
  BOOST_TEST(!role("{name: sigmoid}")->is_clip());
  BOOST_TEST(!role("{name: batch_norm}").has_value());
}

BOOST_AUTO_TEST_CASE(fused_kernels_end_with_the_clips_that_they_have) {
  const auto fused = [](const char* yaml) {
    return fused_activation(make_layer<float>(yaml)->activation());
  };
  BOOST_TEST((fused("{name: relu}") == FusedActivation::relu));
  BOOST_TEST((fused("{name: relu6}") == FusedActivation::relu6));
  BOOST_TEST((fused("{name: leaky_relu}") == FusedActivation::none));
  BOOST_TEST((fused("{name: sigmoid}") == FusedActivation::none));
  BOOST_TEST((fused("{name: batch_norm}") == FusedActivation::none));
  BOOST_TEST((fused_activation(clip_to({0, 4})) == FusedActivation::none));
}

BOOST_AUTO_TEST_SUITE_END()
