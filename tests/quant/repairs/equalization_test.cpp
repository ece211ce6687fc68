// Cross-layer equalization: scales by hand, the net's function kept, ranges made equal.
#include "quant/repairs/equalization.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

Equalization read(const std::string& yaml, const Network& network) {
  return Equalization::read(Options::from_text(yaml, "test.yaml"), network);
}

/// max |w| by input or output channel.
template <typename Channel>
std::vector<double> ranges(const Network& network, int unit, int64_t channels,
                           const Channel& channel) {
  std::vector<double> out(static_cast<size_t>(channels));
  const Tensor<float>& weight = linear_of(network, unit).weight->master;
  const WeightAxes axes = weight_axes(network, unit);
  for (int64_t i = 0; i < weight.elements(); ++i)
    out[channel(axes, i)] =
        std::max(out[channel(axes, i)], static_cast<double>(std::abs(weight[i])));
  return out;
}

constexpr const char* varied = R"(
input: [10, 10, 3]
nodes:
  - block: {name: conv1, channels: 8}
  - separable: {name: sep2, channels: 12, between_activation: false}
  - block: {name: grouped, channels: 6, groups: 2}
  - max_pool: {name: pool}
  - block: {name: plain, channels: 5, activation: none}
  - flatten: {name: flat}
  - dense: {name: logits, units: 4}
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(equalization)

BOOST_AUTO_TEST_CASE(scales_of_two_layers_are_the_papers) {
  FoldedNetwork net = fold_network(network_of(R"(
input: [1, 1, 1]
nodes:
  - conv2d: {name: a, channels: 3, kernel: 1}
  - relu: {name: act}
  - conv2d: {name: b, channels: 1, kernel: 1}
  - flatten: {name: logits}
)"));
  Linear<float>& a = linear_of(net.network, 1);
  Linear<float>& b = linear_of(net.network, 2);
  const float first[] = {-2, 8, 0}, second[] = {8, 0.5f, 3};
  std::copy_n(first, 3, a.weight->master.data());
  std::copy_n(second, 3, b.weight->master.data());
  a.bias->master.fill(1);
  Frame report = frame_of(net.network);
  read("{sweeps: 1}", net.network).apply(net, report);
  // s = sqrt(2 8) / 8, sqrt(8 / 2) / (1 / 2), and 1 where a range is 0.
  BOOST_TEST(std::vector<float>(a.weight->master.values().begin(),
                                a.weight->master.values().end()) == (std::vector<float>{-4, 2, 0}));
  BOOST_TEST(std::vector<float>(b.weight->master.values().begin(),
                                b.weight->master.values().end()) == (std::vector<float>{4, 2, 3}));
  BOOST_TEST(a.bias->master[0] == 2);
  BOOST_TEST(a.bias->master[1] == 0.25f);
  BOOST_TEST(channel_report(report, "equalization_scale", 1) == (std::vector<double>{0.5, 4, 1}));
  BOOST_TEST(std::get<std::vector<double>>(
                 report.arrays().at("networkwise/equalization_residual").values)[0] == 3);
}

BOOST_AUTO_TEST_CASE(the_net_computes_the_same_and_ranges_agree) {
  for (const Network& trained : {network_of(varied), small_network()}) {
    const FoldedNetwork folded = fold_network(trained);
    FoldedNetwork net = folded.clone();
    Frame report = frame_of(net.network);
    const Equalization settings = read("{tolerance: 1e-4, sweeps: 1000}", net.network);
    settings.apply(net, report);
    const Tensor<float> images = images_of(trained);
    BOOST_TEST(largest_difference(logits_of(net.network, images),
                                  logits_of(folded.network, images)) < 1e-5);
    for (const LinearPair& pair : settings.pairs) {
      const int64_t channels = linear_of(net.network, pair.first).out_channels;
      const auto out = [](const WeightAxes& axes, int64_t i) { return axes.output_channel(i); };
      const auto in = [](const WeightAxes& axes, int64_t i) { return axes.input_channel(i); };
      const auto r1 = ranges(net.network, pair.first, channels, out);
      const auto r2 = ranges(net.network, pair.second, channels, in);
      for (int64_t c = 0; c < channels; ++c)
        BOOST_TEST(std::abs(r1[c] / r2[c] - 1) < 1e-2,
                   net.network.units()[pair.first].name << " channel " << c);
      const auto scale = channel_report(report, "equalization_scale", pair.first);
      for (int64_t c = 0; c < channels && !net.norms[pair.first].beta.empty(); ++c)
        BOOST_TEST(net.norms[pair.first].beta[c] * scale[c] == folded.norms[pair.first].beta[c],
                   boost::test_tools::tolerance(1e-12));
    }
  }
}

BOOST_AUTO_TEST_CASE(pairs_are_layers_in_a_row_without_a_branch) {
  const auto names = [](const Network& net) {
    std::string out;
    for (const LinearPair& pair : linear_pairs(net))
      out += net.units()[pair.first].name + ">" + net.units()[pair.second].name + " ";
    return out;
  };
  BOOST_TEST(names(small_network()) == "conv1>sep2_dw sep2_dw>sep2_pw res3_1>res3_2 ");
  BOOST_TEST(names(network_of(varied)) ==
             "conv1>sep2_dw sep2_dw>sep2_pw sep2_pw>grouped grouped>plain plain>logits ");
}

BOOST_AUTO_TEST_CASE(dead_channels_are_left_as_they_are) {
  FoldedNetwork net = fold_network(network_of(R"(
input: [1, 1, 1]
nodes:
  - conv2d: {name: a, channels: 3, kernel: 1}
  - conv2d: {name: b, channels: 1, kernel: 1}
  - flatten: {name: logits}
)"));
  const float first[] = {4, 1e-12f, 1}, second[] = {1, 1, 1e-9f};
  std::copy_n(first, 3, linear_of(net.network, 1).weight->master.data());
  std::copy_n(second, 3, linear_of(net.network, 2).weight->master.data());
  Frame report = frame_of(net.network);
  read("{sweeps: 1}", net.network).apply(net, report);
  BOOST_TEST(channel_report(report, "equalization_scale", 1) == (std::vector<double>{2, 1, 1}));
}

BOOST_AUTO_TEST_CASE(a_pool_with_an_activation_of_its_own_ends_a_pair) {
  const Network net = network_of(R"(
input: [4, 4, 1]
nodes:
  - conv2d: {name: a, channels: 2, kernel: 1}
  - max_pool: {name: pool}
  - relu6: {name: act}
  - conv2d: {name: b, channels: 2, kernel: 1}
  - flatten: {name: logits}
)");
  BOOST_TEST(linear_pairs(net).empty());
}

BOOST_AUTO_TEST_CASE(scaled_ends_of_a_clip_keep_the_function) {
  for (const char* bound : {"clips", "none"}) {
    const Network trained = small_network("relu6");
    const FoldedNetwork folded = fold_network(trained);
    FoldedNetwork net = folded.clone();
    Frame report = frame_of(trained);
    const Equalization settings = read(fmt::format("{{bound: {}}}", bound), trained);
    settings.apply(net, report);
    Tensor<float> images = images_of(trained);
    for (float& x : images.values()) x *= 8;  // the upper ends cut values off
    const std::vector<float> logits = logits_of(folded.network, images);
    BOOST_TEST(largest_difference(logits_of(net.network, images), logits) < 1e-5);
    BOOST_TEST(largest_difference(logits_of(net.network.clone(), images), logits) < 1e-5);
    const int unit = unit_of(trained, "conv1");
    const auto scale = channel_report(report, "equalization_scale", unit);
    const auto high = channel_report(report, "clip_high", unit);
    for (size_t c = 0; c < scale.size(); ++c) {
      BOOST_TEST(high[c] == static_cast<float>(6 / scale[c]));
      BOOST_TEST(channel_ends_of(net.network, unit, static_cast<int64_t>(c)).high == high[c]);
      BOOST_TEST(channel_report(report, "clip_low", unit)[c] == 0);
    }
    BOOST_TEST(*std::ranges::max_element(scale) > 1.1);
    // The clip stays one: it can be scaled again.
    BOOST_CHECK_NO_THROW(read("{}", net.network).apply(net, report));
    BOOST_TEST(largest_difference(logits_of(net.network, images), logits) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(bound_activations_get_no_wider_range) {
  const auto widest = [](const FoldedNetwork& net, int unit) {
    double out = 0;
    for (size_t c = 0; c < net.norms[unit].beta.size(); ++c) {
      const double high = net.norms[unit].beta[c] + 2 * std::abs(net.norms[unit].gamma[c]);
      const Ends ends = channel_ends_of(net.network, unit, static_cast<int64_t>(c));
      out = std::max(out, std::min<double>(high, ends.high));
    }
    return out;
  };
  const auto growth = [&](const std::string& activation, const std::string& options) {
    const FoldedNetwork folded = fold_network(small_network(activation));
    FoldedNetwork net = folded.clone();
    Frame report = frame_of(net.network);
    const Equalization settings = read(options, folded.network);
    settings.apply(net, report);
    double out = 0;
    for (const LinearPair& pair : settings.pairs)
      out = std::max(out, widest(net, pair.first) / widest(folded, pair.first));
    return out;
  };
  for (const char* activation : {"relu", "relu6"}) {
    BOOST_TEST(growth(activation, "{bound: all, deviations: 2}") < 1 + 1e-6);
    BOOST_TEST(growth(activation, "{bound: none}") > 1.1);
  }
  BOOST_TEST(growth("relu6", "{deviations: 2}") < 1 + 1e-6);  // clips
  BOOST_TEST(growth("relu", "{deviations: 2}") == growth("relu", "{bound: none}"));
  BOOST_TEST(
      contains(error_of<ConfigError>([] { read("{bound: none, deviations: 3}", small_network()); }),
               "deviations: needs bound: clips or all; leave it out"));
}

BOOST_AUTO_TEST_CASE(channels_that_saw_no_variance_set_no_scale) {
  FoldedNetwork net = fold_network(small_network());
  const int unit = unit_of(net.network, "conv1");
  net.norms[unit].variance[1] = 1e-9;
  Equalization settings = read("{}", net.network);
  settings.dead_variance = 1e-8;
  Frame report = frame_of(net.network);
  settings.apply(net, report);
  const auto scale = channel_report(report, "equalization_scale", unit);
  BOOST_TEST(scale[1] == 1);
  BOOST_TEST(scale[0] != 1);
}

BOOST_AUTO_TEST_CASE(relu6_is_refused_replaced_or_skipped) {
  const Network trained = small_network("relu6");
  BOOST_TEST(contains(error_of<ConfigError>([&] { read("{relu6: refuse}", trained); }),
                      "relu6: 'conv1.activation' (relu6) follows 'conv1', and scaling its input "
                      "does not scale its output; accepted: scale_ends, replace, skip"));
  FoldedNetwork net = fold_network(trained);
  Frame report = frame_of(net.network);
  BOOST_TEST(
      contains(error_of<ConfigError>([&] { read("{relu6: skip}", trained); }),
               "relu6: skip leaves no pair: an activation such as 'conv1.activation' (relu6)"));
  const Network mixed = network_of(R"(
input: [8, 8, 3]
nodes:
  - block: {name: a, channels: 4, activation: relu6}
  - block: {name: b, channels: 4, activation: relu}
  - block: {name: c, channels: 4}
  - flatten: {name: logits}
)");
  const Equalization rest = read("{relu6: skip}", mixed);
  BOOST_REQUIRE(rest.pairs.size() == 1);
  BOOST_TEST(rest.pairs[0].first == unit_of(mixed, "b"));
  const Equalization only = read("{relu6: replace, nodes: conv1}", trained);
  BOOST_TEST(only.pairs.size() == 1);
  only.apply(net, report);
  const auto high_of = [&](const Network& network, const char* name) {
    return activation_of(network, unit_of(trained, name))->values.high;
  };
  BOOST_TEST(high_of(net.network, "conv1") == Activation::infinity);
  BOOST_TEST(high_of(net.network, "sep2_dw") == 6);
  BOOST_TEST(high_of(net.network.clone(), "conv1") == Activation::infinity);
}

BOOST_AUTO_TEST_CASE(leaky_relu_scales_and_sigmoid_is_refused) {
  const Network trained = small_network("leaky_relu");
  const FoldedNetwork folded = fold_network(trained);
  FoldedNetwork net = folded.clone();
  Frame report = frame_of(trained);
  read("{}", trained).apply(net, report);
  const Tensor<float> images = images_of(trained);
  BOOST_TEST(largest_difference(logits_of(net.network, images), logits_of(folded.network, images)) <
             1e-4);
  for (const char* choice : {"refuse", "replace", "scale_ends"})
    BOOST_TEST(contains(error_of<ConfigError>([&] {
                          read(fmt::format("{{relu6: {}}}", choice), small_network("sigmoid"));
                        }),
                        "'conv1.activation' (sigmoid) follows 'conv1', and scaling its input "
                        "does not scale its output; accepted: skip"));
}

BOOST_AUTO_TEST_CASE(nets_without_pairs_and_nodes_at_branches_are_refused) {
  BOOST_TEST(contains(error_of<ConfigError>([] { read("{nodes: sep2_pw}", small_network()); }),
                      "nodes: 'sep2_pw' cannot be equalized"));
  const Network lone = network_of(
      "{input: [4, 4, 1], nodes: [{conv2d: {name: a, channels: 2, kernel: 4, padding: valid}}, "
      "{flatten: {name: logits}}]}");
  BOOST_TEST(contains(error_of<ConfigError>([&] { read("{}", lone); }),
                      "the net has no two layers with weights in a row"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
