// Each rule, on a layer at its threshold and on one just under it.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/explain/rule.h"
#include "tests/experiments/explain/made_facts.h"

using namespace quantdyn;

namespace {

std::vector<Finding> found(const Rule& rule, const LayerFacts& layer,
                           const std::vector<std::string>& settings = {}) {
  const NetFacts net = made::net(layer);
  const Thresholds thresholds = Thresholds::from(settings);
  return rule.find({net, 1, thresholds});
}

/// Channel 0 of the layer saw `variance`; its weights reach to +-`reach`.
LayerFacts with_dead_channel(double variance, double reach) {
  LayerFacts out = made::layer();
  out.channel_values["float:batch_norm/running_std"][0] = std::sqrt(variance);
  out.channel_values["float:batch_norm/gamma_over_sigma"][0] = 1 / std::sqrt(variance + 0.001);
  out.channel_values["folded_weight/min"][0] = -reach;
  out.channel_values["folded_weight/max"][0] = reach;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explain_rules_test)

BOOST_AUTO_TEST_CASE(a_layer_without_fault_has_no_cause) {
  for (const Rule& rule : rules()) {
    BOOST_TEST(missing_needs(rule, made::layer()).empty(), rule.name);
    BOOST_TEST(found(rule, made::layer()).empty(), rule.name);
  }
}

BOOST_AUTO_TEST_CASE(dead_channels_are_found_where_they_widen_the_range) {
  const Rule rule = dead_channels_rule();
  const auto findings = found(rule, with_dead_channel(1e-12, 2));
  BOOST_REQUIRE(findings.size() == 1u);
  const Finding& dead = findings[0];
  BOOST_TEST(dead.statistic == 2);  // 4 instead of 2
  BOOST_TEST(dead.channels == std::vector<int64_t>{0}, boost::test_tools::per_element());
  BOOST_TEST(dead.remedy->yaml == "repairs: {dead_channels: {variance: 1e-05}}");
  // Of the weights' 3 of 4: the dead channel's quarter goes, of the rest three quarters.
  BOOST_TEST(dead.removes == 0.75 * (0.25 + 0.75 * 0.75), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(found(rule, with_dead_channel(1e-12, 1.5)).size() == 1u);  // just enough
  BOOST_TEST(found(rule, with_dead_channel(1e-12, 1.49)).empty());      // widens too little
  BOOST_TEST(found(rule, with_dead_channel(1.01e-5, 2)).empty());       // lives
  BOOST_TEST(found(rule, with_dead_channel(1.01e-5, 2), {"dead_variance=0.02"}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(weights_with_ranges_of_their_own_have_no_shared_range) {
  LayerFacts layer = with_dead_channel(1e-12, 100);
  layer.weight.entries = 4;
  for (const Rule& rule : {dead_channels_rule(), outlier_channel_rule(), channel_mismatch_rule()})
    BOOST_TEST(found(rule, layer).empty(), rule.name);
}

BOOST_AUTO_TEST_CASE(an_outlier_is_a_living_channel_that_doubles_the_range) {
  const Rule rule = outlier_channel_rule();
  const auto findings = found(rule, with_dead_channel(1, 2));
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].statistic == 2);
  BOOST_TEST(findings[0].channels == std::vector<int64_t>{0}, boost::test_tools::per_element());
  BOOST_TEST(findings[0].remedy->yaml ==
             "overrides: [{nodes: dw1, weights: {quantizer: {granularity: per_channel}}}]");
  BOOST_TEST(found(rule, with_dead_channel(1, 1.99)).empty());
  BOOST_TEST(found(rule, with_dead_channel(1e-12, 2)).empty());  // dead, not an outlier
}

BOOST_AUTO_TEST_CASE(mismatch_counts_the_bits_that_the_average_channel_loses) {
  const auto layer_of = [](double reach) {  // channels 2 and 3 reach less far
    LayerFacts out = made::layer();
    for (size_t c : {size_t{2}, size_t{3}}) {
      out.channel_values["folded_weight/min"][c] = -reach;
      out.channel_values["folded_weight/max"][c] = reach;
    }
    return out;
  };
  // The widest one is left out: of the rest one has 8 bits, two have log2(1 + 255 reach).
  const double lost = (2.0 / 3) * (8 - std::log2(1 + 255 * 0.1));
  const auto findings = found(channel_mismatch_rule(), layer_of(0.1));
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].statistic == lost, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(findings[0].removes > 0);
  BOOST_TEST(found(channel_mismatch_rule(), layer_of(0.13)).empty());
}

BOOST_AUTO_TEST_CASE(clipping_is_a_cause_where_it_outweighs_rounding) {
  const auto layer_of = [](double clipped, const std::string& estimator) {
    LayerFacts out = made::layer();
    out.values["output/clipping_error"] = 0.25 * clipped;
    out.values["output/rounding_error"] = 0.25 * (1 - clipped);
    out.values["output/max"] = 2;  // the range ends at 1
    out.output.scheme = "{estimator: {name: " + estimator + "}}";
    return out;
  };
  const auto findings = found(clipping_rule(), layer_of(0.8, "mse"));
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].statistic == 0.8, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(findings[0].remedy->yaml ==
             "overrides: [{nodes: dw1, activations: {estimator: minmax}}]");
  // The output's quarter of the error; rounding grows by (3/2)^2.
  BOOST_TEST(findings[0].removes == 0.25 * (1 - 0.2 * 2.25), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(found(clipping_rule(), layer_of(0.49, "mse")).empty());
  const auto unseen = found(clipping_rule(), layer_of(0.8, "minmax"));
  BOOST_REQUIRE(unseen.size() == 1u);
  BOOST_TEST(!unseen[0].remedy.has_value());
}

BOOST_AUTO_TEST_CASE(mean_shift_is_its_share_of_the_squared_error) {
  const auto layer_of = [](double shift) {
    LayerFacts out = made::layer();
    out.channel_values["output/local_mean_shift"].assign(4, shift);
    out.channel_values["output/accumulated_mean_shift"].assign(4, 0.8);
    return out;
  };
  const auto findings = found(mean_shift_rule(), layer_of(-0.5));
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].statistic == 0.25);
  BOOST_TEST(findings[0].removes == 0.25);
  BOOST_TEST(findings[0].removes_of_all == 0.64, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(findings[0].sentence.find("0.800 of the signal (MSSR)") != std::string::npos);
  BOOST_TEST(findings[0].remedy->yaml == "repairs: {correct_bias: {}}");
  BOOST_TEST(found(mean_shift_rule(), layer_of(0.499)).empty());
}

BOOST_AUTO_TEST_CASE(accumulation_names_the_layer_that_added_most) {
  const auto layer_of = [](double propagated) {
    LayerFacts out = made::layer();
    out.values["output/propagated_qmse"] = propagated;
    out.values["output/added_qmse"] = 1 - propagated;
    return out;
  };
  const auto findings = found(upstream_rule(), layer_of(0.75));
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].sentence.find("from input (75 %)") != std::string::npos);
  BOOST_TEST(!findings[0].remedy.has_value());
  BOOST_TEST(found(upstream_rule(), layer_of(0.749)).empty());
}

BOOST_AUTO_TEST_CASE(few_codes_are_counted_by_their_entropy) {
  const auto layer_of = [](double of_weight, double of_output, double zeros) {
    LayerFacts out = made::layer();
    out.values["weight/code_entropy"] = of_weight;
    out.values["output/code_entropy"] = of_output;
    out.values["float:output/zero_fraction"] = zeros;
    out.counts["folded_weight/histogram"] = out.counts["output/histogram"] = {0, 1000, 1};
    return out;
  };
  const auto findings = found(few_codes_rule(), layer_of(5, 7, 0));
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].statistic == 0.125);
  BOOST_TEST(findings[0].remedy->yaml == "overrides: [{nodes: dw1, weights: {estimator: mse}}]");
  BOOST_TEST(found(few_codes_rule(), layer_of(5.01, 7, 0)).empty());
  // Half zeros: the entropy is 1 bit for whether, and half of that of the others.
  BOOST_TEST(found(few_codes_rule(), layer_of(7, 3.6, 0.5)).empty());
  BOOST_TEST(found(few_codes_rule(), layer_of(7, 3.4, 0.5)).size() == 1u);
  BOOST_TEST(found(few_codes_rule(), layer_of(7, 3.6, 0)).size() == 1u);
  // Without a histogram nothing tells whether a narrower range would help.
  LayerFacts unknown = layer_of(5, 7, 0);
  unknown.counts.clear();
  BOOST_TEST(found(few_codes_rule(), unknown).empty());
}

BOOST_AUTO_TEST_CASE(too_few_bits_is_asked_last) {
  LayerFacts layer = made::layer();
  layer.weight.bit_width = layer.output.bit_width = 4;
  layer.values["output/local_sqnr"] = 24.9;
  const auto findings = found(rounding_rule(), layer);
  BOOST_REQUIRE(findings.size() == 1u);
  BOOST_TEST(findings[0].remedy->yaml == "overrides: [{nodes: dw1, bit_width: 8}]");
  BOOST_TEST(findings[0].removes == 1 - 15.0 * 15 / (255.0 * 255),
             boost::test_tools::tolerance(1e-12));
  layer.values["output/local_sqnr"] = 25;
  BOOST_TEST(found(rounding_rule(), layer).empty());
  BOOST_TEST(rounding_rule().is_last_resort);
}

BOOST_AUTO_TEST_CASE(figures_that_are_not_numbers_cause_nothing) {
  LayerFacts layer = made::layer();
  for (auto& [name, value] : layer.values) value = std::nan("");
  for (auto& [name, values] : layer.channel_values) values.assign(4, std::nan(""));
  for (const Rule& rule : rules()) BOOST_TEST(found(rule, layer).empty(), rule.name);
}

BOOST_AUTO_TEST_SUITE_END()
