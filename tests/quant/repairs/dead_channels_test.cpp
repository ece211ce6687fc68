// Dead channels are found by their norm's variance, reported, and zeroed where that is asked for.
#include "quant/repairs/dead_channels.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "quant/folding/linear_pairs.h"
#include "quant/repairs/repairs.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

/// Channel 2 of conv1 is all but constant: its weights are tiny, and so is its running variance.
Network with_dead_channel() {
  Network net = small_network();
  const Unit& unit = net.units()[1];
  Tensor<float>& weight = net.layer(unit.leader)->linear()->weight->master;
  for (int64_t i = 2; i < weight.elements(); i += 8) weight[i] *= 1e-7f;
  ChannelAffine<float>& norm = *net.layer(unit.norm)->channel_affine();
  norm.variance->master[2] = 1e-12f;
  norm.mean->master[2] = 0;
  return net;
}

DeadChannels read(const std::string& yaml) {
  return DeadChannels::read(Options::from_text(yaml, "test.yaml"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dead_channels)

BOOST_AUTO_TEST_CASE(a_net_without_norms_is_refused) {
  const Network bare = Network::from_options(Options::from_text(
      "input: [4, 4, 1]\nnodes:\n  - conv2d: {name: a, channels: 2, kernel: 3}\n  - relu: {name: "
      "b}\n  - conv2d: {name: c, channels: 2, kernel: 3}\n",
      "net.yaml"));
  const auto message = [&](const std::string& yaml) {
    return error_of<ConfigError>([&] { Repairs::read(Options::from_text(yaml, "a.yaml"), bare); });
  };
  BOOST_TEST(message("dead_channels: {}") ==
             "a.yaml:1: dead_channels: the net has no batch norm, whose running variances tell "
             "which channels are dead");
  BOOST_TEST(message("equalize: {}") == "");  // which looks for dead channels unasked
}

BOOST_AUTO_TEST_CASE(a_dead_channel_gives_its_constant) {
  const Network trained = with_dead_channel();
  const FoldedNetwork folded = fold_network(trained);
  FoldedNetwork net = folded.clone();
  Frame report = frame_of(trained);
  read("{}").apply(net, report);
  BOOST_TEST(channel_report(report, "dead_channel", 1) ==
             (std::vector<double>{0, 0, 1, 0, 0, 0, 0, 0}));
  BOOST_TEST(std::isnan(channel_report(report, "dead_channel", 0)[0]));
  BOOST_TEST(std::isnan(channel_report(report, "dead_channel", unit_of(trained, "logits"))[0]));
  const Tensor<float>& weight = linear_of(net.network, 1).weight->master;
  for (int64_t i = 2; i < weight.elements(); i += 8) BOOST_TEST(weight[i] == 0);
  BOOST_TEST(linear_of(net.network, 1).bias->master[2] ==
             static_cast<float>(folded.norms[1].beta[2]));
  BOOST_TEST(net.norms[1].gamma[2] == 0);
  BOOST_TEST(net.norms[1].gamma[1] == folded.norms[1].gamma[1]);
  const Tensor<float> images = images_of(trained);
  BOOST_TEST(largest_difference(logits_of(net.network, images), logits_of(folded.network, images)) <
             1e-3);
}

BOOST_AUTO_TEST_CASE(a_report_alone_changes_nothing) {
  const FoldedNetwork folded = fold_network(with_dead_channel());
  FoldedNetwork net = folded.clone();
  Frame report = frame_of(net.network);
  read("{action: report}").apply(net, report);
  BOOST_TEST(channel_report(report, "dead_channel", 1)[2] == 1);
  BOOST_TEST(std::ranges::equal(linear_of(net.network, 1).weight->master.values(),
                                linear_of(folded.network, 1).weight->master.values()));
}

BOOST_AUTO_TEST_CASE(the_limit_is_an_option) {
  FoldedNetwork net = fold_network(with_dead_channel());
  Frame report = frame_of(net.network);
  read("{variance: 1e-13}").apply(net, report);
  BOOST_TEST(channel_report(report, "dead_channel", 1)[2] == 0);
  BOOST_TEST(contains(error_of<ConfigError>([] { read("{variance: 0}"); }),
                      "variance: 0 is out of range"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
