// Where errors come from, the verdict, thresholds, and the page as text.
#include "experiments/explain/explanation.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/explain/attribution.h"
#include "experiments/explain/page.h"
#include "tests/errors.h"
#include "tests/experiments/explain/made_facts.h"

using namespace quantdyn;

namespace {

LayerFacts node(std::vector<int> inputs, double propagated, double added) {
  LayerFacts out;
  out.inputs = std::move(inputs);
  out.elements = 1;
  out.values = {{"output/accumulated_qmse", propagated + added},
                {"output/propagated_qmse", propagated},
                {"output/added_qmse", added}};
  return out;
}

Verdict verdict_for(double accuracy, double agreement, int64_t images) {
  NetFacts net = made::net();
  net.values["accuracy"] = accuracy;
  net.values["relative_accuracy_decrease"] = (0.8 - accuracy) / 0.8;
  net.values["agreement"] = agreement;
  net.test_images = images;
  return verdict_of(net, {});
}

/// dw1 with a dead channel that doubles its range.
NetFacts broken_net() {
  LayerFacts layer = made::layer();
  layer.channel_values["float:batch_norm/running_std"][3] = 0;
  layer.channel_values["float:batch_norm/gamma_over_sigma"][3] = 1 / std::sqrt(0.001);
  layer.channel_values["folded_weight/min"][3] = -2;
  layer.channel_values["folded_weight/max"][3] = 2;
  layer.values["output/accumulated_sqnr"] = 8;
  layer.values["output/propagated_sqnr"] = 38;
  return made::net(layer);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explanation_test)

BOOST_AUTO_TEST_CASE(shares_of_a_chain_are_what_each_layer_added) {
  NetFacts net;
  net.layers = {node({}, 0, 1), node({0}, 2, 2), node({1}, 6, 2)};  // gains 2 and 1.5
  const ErrorFlow flow = error_flow(net, 2);
  // Of the 8: 2 of its own, 6 through the second, half of which it added.
  const std::vector<double> added{3.0 / 8, 3.0 / 8, 2.0 / 8}, through{3.0 / 8, 6.0 / 8, 1};
  BOOST_TEST(flow.added == added, boost::test_tools::per_element());
  BOOST_TEST(flow.through == through, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(branches_share_what_is_propagated_by_their_own_errors) {
  NetFacts net;
  net.layers = {node({}, 0, 1), node({0}, 1, 2), node({1, 0}, 4, 0)};  // 3 and 1 come in
  const ErrorFlow flow = error_flow(net, 2);
  BOOST_TEST(flow.through[1] == 0.75);
  BOOST_TEST(flow.added[1] == 0.5);
  BOOST_TEST(flow.added[0] == 0.5);  // a quarter directly, a quarter through the other
}

BOOST_AUTO_TEST_CASE(errors_that_are_not_finite_have_no_shares) {
  NetFacts net;
  net.layers = {node({}, 0, 1), node({0}, std::nan(""), 2)};
  BOOST_TEST(std::isnan(error_flow(net, 1).added[1]));
  net.layers = {node({}, 0, 0), node({0}, 0, 0)};
  BOOST_TEST(error_flow(net, 1).added[0] == 0);
}

BOOST_AUTO_TEST_CASE(half_the_error_gone_is_three_decibels) {
  BOOST_TEST(predicted_gain(0.5) == 3.0103, boost::test_tools::tolerance(1e-5));
  BOOST_TEST(predicted_gain(0) == 0);
  BOOST_TEST(predicted_gain(1) == 20);
}

BOOST_AUTO_TEST_CASE(the_verdict_is_the_loss_of_accuracy) {
  using Kind = Verdict::Kind;
  BOOST_TEST((verdict_for(0.7921, 0.99, 1000000).kind == Kind::keeps));  // 0.99 %
  BOOST_TEST((verdict_for(0.791, 0.99, 1000000).kind == Kind::loses));
  BOOST_TEST((verdict_for(0.721, 0.9, 1000000).kind == Kind::loses));
  BOOST_TEST((verdict_for(0.72, 0.9, 1000000).kind == Kind::badly));
  BOOST_TEST((verdict_for(0.9, 0.8, 1000).kind == Kind::keeps));  // better
}

BOOST_AUTO_TEST_CASE(a_loss_that_few_images_cannot_show_is_none) {
  const Verdict few = verdict_for(0.78, 0.9, 200);  // 2.5 %
  BOOST_TEST(few.noise == 2 * std::sqrt(0.1 / 200) / 0.8, boost::test_tools::tolerance(1e-12));
  BOOST_TEST((few.kind == Verdict::Kind::keeps));
  BOOST_TEST(few.sentence ==
             "shows no certain loss: accuracy 0.7800 instead of 0.8000 (-2.5 %), within the noise "
             "of 200 images (+-5.6 %), SQNR of the logits 8.0 dB");
  BOOST_TEST((verdict_for(0.78, 0.9, 10000).kind == Verdict::Kind::loses));
}

BOOST_AUTO_TEST_CASE(a_large_loss_within_the_noise_is_not_judged) {
  const Verdict few = verdict_for(0.4, 0.2, 8);
  BOOST_TEST((few.kind == Verdict::Kind::unknown));
  BOOST_TEST(few.sentence ==
             "cannot be judged: accuracy 0.4000 instead of 0.8000 (-50.0 %), 80.0 % of the "
             "decisions change, within the noise of 8 images (+-79.1 %), SQNR of the logits 8.0 "
             "dB");
}

BOOST_AUTO_TEST_CASE(without_labels_changed_decisions_count) {
  NetFacts net = made::net();
  net.values["relative_accuracy_decrease"] = net.values["accuracy"] = std::nan("");
  BOOST_TEST(verdict_of(net, {}).sentence ==
             "quantizes badly: 40.0 % of the decisions change, SQNR of the logits 8.0 dB");
  net.values["agreement"] = std::nan("");
  BOOST_TEST((verdict_of(net, {}).kind == Verdict::Kind::unknown));
}

BOOST_AUTO_TEST_CASE(a_net_that_diverged_is_said_to_and_not_ranked) {
  NetFacts net = broken_net();
  net.values["nonfinite_images"] = 990;
  net.layers[1].values["output/nan_count"] = 7;
  net.layers[1].values["output/infinity_count"] = 0;
  const Explanation out = explain(net, {}, 5);
  BOOST_TEST(out.layers.empty());
  BOOST_TEST(
      page_of(out, 5, Causes::always) ==
      "made, variant int8: has diverged: 990 of 1000 test images have logits that are NaN or "
      "infinite; the\nfirst ones are in dw1, quantized (7 NaN, 0 infinite values).\n"
      "There is nothing to rank: repair the training or the net first.\n");
}

BOOST_AUTO_TEST_CASE(thresholds_are_read_by_name) {
  BOOST_TEST(Thresholds().of("outlier") == 2);
  BOOST_TEST(Thresholds::from(std::vector<std::string>{"outlier=3", "outlier=4"}).of("outlier") ==
             4);
  const auto refusal = [](const std::string& setting) {
    return error_of([&] { Thresholds::from(std::vector{setting}); });
  };
  BOOST_TEST(refusal("outliers=3")
                 .starts_with("--threshold outliers: no such threshold; accepted: small_loss, "
                              "large_loss, rough, share"));
  BOOST_TEST(refusal("outlier=x") ==
             "--threshold outlier=x: 'x' found; accepted: a number from 1 to 1e+06");
  BOOST_TEST(refusal("outlier") ==
             "--threshold outlier: '' found; accepted: a number from 1 to 1e+06");
  BOOST_TEST(refusal("outlier=nan").starts_with("--threshold outlier=nan: 'nan' found"));
}

BOOST_AUTO_TEST_CASE(sensitivity_ranks_where_it_is_there) {
  NetFacts net = broken_net();
  net.values["sensitivity_all_logits_qmse"] = 2;
  net.layers[0].values["output/sensitivity_all_but_logits_qmse"] = 0.5;
  net.layers[1].values["weight/sensitivity_all_but_logits_qmse"] = 1.5;
  net.layers[1].values["output/sensitivity_all_but_logits_qmse"] = 2;
  const Explanation out = explain(net, {}, 5);
  BOOST_TEST(out.is_by_sensitivity);
  BOOST_TEST(out.layers[0].layer == 0u);
  BOOST_TEST(out.layers[0].cost == 0.75);
  BOOST_TEST(out.layers[1].cost == 0.25);
}

BOOST_AUTO_TEST_CASE(the_page_of_a_small_net_is_this) {
  const std::string page = page_of(explain(broken_net(), {}, 5), 5, Causes::where_needed);
  BOOST_TEST(
      page ==
      R"(made, variant int8: quantizes badly: accuracy 0.5000 instead of 0.8000 (-37.5 %), SQNR of the logits
8.0 dB. 100 % of the logits' squared error comes from 1 of 2 layers: dw1.

layers by the error that they add
                   share of the  accumulated  propagated  local
                  logits' error         SQNR        SQNR   SQNR
layer  kind                 / %         / dB        / dB   / dB
---------------------------------------------------------------
dw1    depthwise          100.0          8.0        38.0   40.0
input  input                0.0            -           -   40.0

dw1 (depthwise), 100.0 % of the logits' error
  dead channels: 1 of 4 channels is dead (channel 3): the running variance is under 1e-05, so the
  norm's epsilon alone scales its folded weights. They widen the range of all weights 2 times, from
  2 to 4, and every other channel loses 1.0 bits.
    repair: repairs: {dead_channels: {variance: 1e-05}}
    gain:   predicted +4.1 dB

The best repair of each of these layers: predicted +4.1 dB
A gain is that of the logits' SQNR from the repair in that layer alone. In a variant, `repairs:`
acts on all layers.
)");
}

BOOST_AUTO_TEST_CASE(a_net_that_keeps_its_accuracy_gets_no_causes_unless_asked) {
  NetFacts net = broken_net();
  net.values["relative_accuracy_decrease"] = 0;
  const Explanation out = explain(net, {}, 5);
  const std::string page = page_of(out, 5, Causes::where_needed);
  BOOST_TEST(page.find("quantizes well") != std::string::npos);
  BOOST_TEST(page.find("dead channels:") == std::string::npos);
  BOOST_TEST(page_of(out, 5, Causes::always).find("dead channels:") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(rules_that_a_file_cannot_answer_are_named) {
  NetFacts net = broken_net();
  for (LayerFacts& layer : net.layers) layer.channel_values.clear();
  const Explanation out = explain(net, {}, 5);
  const std::string page = page_of(out, 5, Causes::where_needed);
  BOOST_TEST(page.find("Not asked: dead channels (no float32 batch_norm/running_std") !=
             std::string::npos);
  BOOST_TEST(page.find("no rule names a cause") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
