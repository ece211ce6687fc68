// High-bias absorption: by hand, and exact where no value lies under what was absorbed.
#include "quant/repairs/absorption.h"

#include <boost/test/unit_test.hpp>

#include "quant/folding/linear_pairs.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

Absorption read(const std::string& yaml, const Network& network) {
  return Absorption::read(Options::from_text(yaml, "test.yaml"), network, nullptr);
}

/// Two pointwise layers; the first one's norm has high shifts, so that relu cuts nothing off.
Network biased(const std::string& activation = "relu", const std::string& pool = "") {
  Network net = network_of(fmt::format(R"(
input: [3, 3, 2]
nodes:
  - block: {{name: a, channels: 2, kernel: 1, activation: {}}}
{}
  - conv2d: {{name: b, channels: 3, kernel: 1, bias: false}}
  - global_average_pool: {{name: logits}}
)",
                                       activation, pool));
  ChannelAffine<float>& norm = *net.layer(net.units()[1].norm)->channel_affine();
  norm.beta->master[0] = 40;
  norm.beta->master[1] = 2;
  norm.gamma->master[0] = -3;
  norm.gamma->master[1] = 1;
  return net;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(absorption)

BOOST_AUTO_TEST_CASE(high_biases_move_into_the_next_layer) {
  const Network trained = biased();
  const FoldedNetwork folded = fold_network(trained);
  FoldedNetwork net = folded.clone();
  Frame report = frame_of(trained);
  read("{}", trained).apply(net, report);
  BOOST_TEST(channel_report(report, "absorbed", 1) == (std::vector<double>{31, 0}));
  BOOST_TEST(linear_of(net.network, 1).bias->master[0] ==
             linear_of(folded.network, 1).bias->master[0] - 31);
  const Tensor<float>& weight = linear_of(net.network, 2).weight->master;  // [1,1,2,3]
  for (int64_t k = 0; k < 3; ++k)
    BOOST_TEST(linear_of(net.network, 2).bias->master[k] == 31 * weight[k]);
  BOOST_TEST(net.norms[1].beta[0] == 9);
  Tensor<float> images = images_of(trained);
  for (float& x : images.values()) x *= 0.1f;  // nothing comes near the kink
  BOOST_TEST(largest_difference(logits_of(net.network, images), logits_of(folded.network, images)) <
             1e-5);
}

BOOST_AUTO_TEST_CASE(deviations_say_what_counts_as_full) {
  FoldedNetwork net = fold_network(biased());
  Frame report = frame_of(net.network);
  read("{deviations: 1}", biased()).apply(net, report);
  BOOST_TEST(channel_report(report, "absorbed", 1) == (std::vector<double>{37, 1}));
}

BOOST_AUTO_TEST_CASE(layers_that_pad_take_part_or_not) {
  const Network trained = small_network();
  for (const char* padded : {"absorb", "skip", "by default"}) {
    FoldedNetwork net = fold_network(trained);
    for (FoldedNorm& norm : net.norms) std::ranges::fill(norm.gamma, 0.01);
    Frame report = frame_of(trained);
    const std::string choice = std::string("{padded: ") + padded + "}";
    read(padded == std::string("by default") ? "{}" : choice, trained).apply(net, report);
    const auto into_depthwise = channel_report(report, "absorbed", unit_of(trained, "conv1"));
    BOOST_TEST(std::isnan(into_depthwise[0]) == (padded != std::string("absorb")));
    const auto into_pointwise = channel_report(report, "absorbed", unit_of(trained, "sep2_dw"));
    BOOST_TEST(*std::ranges::max_element(into_pointwise) > 0);
  }
}

BOOST_AUTO_TEST_CASE(what_keeps_values_over_zero_may_stand_between) {
  for (const char* activation : {"none", "leaky_relu"})
    for (const char* pool : {"  - max_pool: {name: p, kernel: 3, padding: same, stride: 1}",
                             "  - average_pool: {name: p, kernel: 3, padding: same, stride: 1}"}) {
      const Network trained = biased(activation, pool);
      const FoldedNetwork folded = fold_network(trained);
      FoldedNetwork net = folded.clone();
      Frame report = frame_of(trained);
      read("{}", trained).apply(net, report);
      BOOST_TEST(channel_report(report, "absorbed", 1)[0] == 31);
      Tensor<float> images = images_of(trained);
      for (float& x : images.values()) x *= 0.1f;
      BOOST_TEST(largest_difference(logits_of(net.network, images),
                                    logits_of(folded.network, images)) < 1e-5);
    }
}

BOOST_AUTO_TEST_CASE(the_upper_end_of_a_clip_falls_by_what_is_absorbed) {
  Network trained = biased("{name: channel_clip, high: 50}");
  Parameter<float>& ends = *trained.layer(trained.units()[1].activation)->channel_ends()->high;
  ends.master[1] = 1.5f;  // channel 1 has beta 2 and gamma 1: nothing to absorb at 3 deviations
  const FoldedNetwork folded = fold_network(trained);
  FoldedNetwork net = folded.clone();
  Frame report = frame_of(trained);
  read("{}", trained).apply(net, report);
  BOOST_TEST(channel_report(report, "absorbed", 1) == (std::vector<double>{31, 0}));
  BOOST_TEST(channel_report(report, "clip_high", 1) == (std::vector<double>{19, 1.5}));
  BOOST_TEST(channel_ends_of(net.network, 1, 0).high == 19);
  Tensor<float> images = images_of(trained);
  for (float& x : images.values()) x *= 0.1f;
  BOOST_TEST(largest_difference(logits_of(net.network, images), logits_of(folded.network, images)) <
             1e-5);
  // Nothing but a constant passes a clip that ends under what could be absorbed.
  ends.master[0] = 20;
  FoldedNetwork low = fold_network(trained);
  read("{}", trained).apply(low, report);
  BOOST_TEST(channel_report(report, "absorbed", 1)[0] == 20);
  BOOST_TEST(channel_ends_of(low.network, 1, 0).high == 0);
}

BOOST_AUTO_TEST_CASE(nets_in_which_nothing_can_be_absorbed_are_refused) {
  const auto refusal = [](const Network& network) {
    return error_of<ConfigError>([&] { read("{}", network); });
  };
  for (const char* activation : {"relu6", "sigmoid"})
    BOOST_TEST(contains(refusal(biased(activation)),
                        fmt::format("between the last two is 'a.activation' ({}); accepted: "
                                    "relu and other activations that keep values over 0",
                                    activation)));
  BOOST_TEST(
      contains(refusal(biased("relu",
                              "  - average_pool: {name: p, kernel: 3, padding: 1, count_padding: "
                              "true, stride: 1}")),
               "is 'p' (average_pool)"));
  // Equalization may put relu or a clip with ends by channel in the place of relu6 before.
  const Network limited = biased("relu6");
  for (const char* choice : {"{relu6: replace}", "{relu6: scale_ends}"}) {
    const Equalization equalization =
        Equalization::read(Options::from_text(choice, "test.yaml"), limited);
    BOOST_CHECK_NO_THROW(
        Absorption::read(Options::from_text("{}", "test.yaml"), limited, &equalization));
  }
  const Network bare = network_of(
      "{input: [4, 4, 1], nodes: [{conv2d: {name: a, channels: 2, kernel: 1}}, {conv2d: {name: b, "
      "channels: 2, kernel: 1}}, {flatten: {name: logits}}]}");
  BOOST_TEST(contains(error_of<ConfigError>([&] { read("{}", bare); }), "has no batch norm"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
