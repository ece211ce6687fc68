// What a trained run says of its channels, depth, norms and drift, beside what it follows from.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>

#include "experiments/results/result_reader.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

/// A run with a float snapshot after each of two epochs and before them.
struct Scales : Workplace {
  ResultReader trained(const std::string& net) const {
    const Outcome outcome =
        run_tiny(net, {"--set", "network.file=networks/" + net + ".yaml", "--set",
                       "track.epochs=[0, 1, 2]", "--set", "train.schedule.learning_rate=0.01"});
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return ResultReader(path / net / "result.h5");
  }
};

/// The node's part of a row over channels.
std::vector<double> of_node(const std::vector<double>& row, const NodeRow& node) {
  return {row.begin() + node.channel_offset, row.begin() + node.channel_offset + node.channels};
}

bool near(double a, double b, double tolerance = 1e-5) {
  return std::isnan(a) ? std::isnan(b) : std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

void check_channels(const ResultReader& result, const SnapshotLabel& snapshot,
                    const std::string& tensor) {
  const auto layer = [&](const std::string& name) {
    return result.row("layerwise/" + tensor + "/" + name, snapshot);
  };
  const auto channel = [&](const std::string& name) {
    return result.row("channelwise/" + tensor + "/" + name, snapshot);
  };
  const auto js = channel("js_to_layer"), wasserstein = channel("wasserstein_to_layer"),
             mean = channel("mean"), low = channel("min"), high = channel("max");
  const auto average = layer("average_js_to_layer"), layer_mean = layer("mean"),
             layer_low = layer("min"), layer_high = layer("max"),
             ratio = layer("channel_range_ratio");
  const auto network = result.network();
  for (size_t n = 0; n < network.size(); ++n) {
    double sum = 0, smallest = INFINITY, largest = 0;
    for (int64_t c = network[n].channel_offset; c < network[n].channel_offset + network[n].channels;
         ++c) {
      BOOST_TEST((std::isnan(js[c]) == std::isnan(layer_mean[n])));
      if (std::isnan(js[c])) continue;
      BOOST_TEST((js[c] >= 0 && js[c] <= 1));
      // The distance is at least that of the means, but for where values lie in their bins.
      const double widest = std::max(-layer_low[n], layer_high[n]) / 8;
      BOOST_TEST(wasserstein[c] >= std::abs(mean[c] - layer_mean[n]) - widest);
      BOOST_TEST(wasserstein[c] <= layer_high[n] - layer_low[n]);
      sum += js[c];
      if (high[c] > low[c]) {
        smallest = std::min(smallest, high[c] - low[c]);
        largest = std::max(largest, high[c] - low[c]);
      }
    }
    if (std::isnan(layer_mean[n])) continue;
    BOOST_TEST(near(average[n], sum / static_cast<double>(network[n].channels)));
    BOOST_TEST(near(ratio[n], largest / smallest), tensor << " of " << network[n].name);
  }
}

/// Steps are between the named nodes, and the network's numbers follow from the layers'.
void check_depth(const ResultReader& result, const SnapshotLabel& snapshot,
                 const std::string& tensor, const std::map<std::string, std::string>& before) {
  const auto logs = result.row("layerwise/" + tensor + "/log2_range", snapshot);
  const auto steps = result.row("layerwise/" + tensor + "/log2_range_step", snapshot);
  const auto network = result.network();
  std::map<std::string, double> by_name;
  double sum = 0, squares = 0, step_sum = 0;
  int count = 0, step_count = 0;
  for (size_t n = 0; n < network.size(); ++n) {
    by_name[network[n].name] = logs[n];
    if (!std::isnan(logs[n])) {
      sum += logs[n];
      squares += logs[n] * logs[n];
      ++count;
    }
    if (!std::isnan(steps[n])) {
      step_sum += std::abs(steps[n]);
      ++step_count;
    }
    if (const auto found = before.find(network[n].name); found != before.end())
      BOOST_TEST(near(steps[n], logs[n] - by_name.at(found->second)), network[n].name);
  }
  BOOST_REQUIRE(step_count > 0);
  const double mean = sum / count, variance = squares / count - mean * mean;
  const auto value = [&](const std::string& name) {
    return result.row("networkwise/" + tensor + name, snapshot).at(0);
  };
  BOOST_TEST(near(value("_range_fluctuation"), std::sqrt(variance)));
  BOOST_TEST(near(value("_range_step"), step_sum / step_count));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(scales_test, Scales)

BOOST_AUTO_TEST_CASE(channels_and_depth_follow_from_the_statistics_beside_them) {
  const ResultReader result = trained("residual");
  const std::map<std::string, std::string> weights{{"res2_1", "conv1"},
                                                   {"res2_2", "res2_1"},
                                                   {"res3_1", "res2_2"},  // through the sum
                                                   {"res3_shortcut", "res2_2"},
                                                   {"logits", "res4_2"}};
  const std::map<std::string, std::string> outputs{
      {"res2_1", "conv1"}, {"res2", "res2_2"}, {"res3_1", "res2"}, {"res3_shortcut", "res2"}};
  for (const char* tensor : {"weight", "folded_weight", "norm", "output"})
    check_channels(result, result.last(), tensor);
  for (const char* tensor : {"folded_weight", "output"})
    check_channels(result, result.last("int8"), tensor);
  for (const std::string variant : {float_variant, "int8"}) {
    check_depth(result, result.last(variant), "folded_weight", weights);
    check_depth(result, result.last(variant), "output", outputs);
  }
  check_depth(result, result.last(), "weight", weights);
  BOOST_TEST(std::isnan(result.row("networkwise/weight_range_step", result.last("int8")).at(0)));
}

BOOST_AUTO_TEST_CASE(norms_are_those_of_the_weights_and_scale_what_is_folded) {
  const ResultReader result = trained("dws");
  const SnapshotLabel& last = result.last();
  const auto channel = [&](const std::string& name) {
    return result.row("channelwise/" + name, last);
  };
  const auto gamma = channel("batch_norm/gamma"), factor = channel("batch_norm/gamma_over_sigma"),
             running_mean = channel("batch_norm/running_mean"),
             running_std = channel("batch_norm/running_std"),
             shift = channel("batch_norm/batch_mean_shift"),
             ratio = channel("batch_norm/batch_std_ratio"), mean = channel("conv/mean"),
             std = channel("conv/std"), folded = channel("folded_weight/range_over_unfolded");
  int norms = 0;
  for (const NodeRow& node : result.network()) {
    const bool has_norm = !std::isnan(gamma[node.channel_offset]);
    norms += has_norm;
    if (!has_norm) continue;
    const auto saved = result.parameter(last, node.name + ".norm", "gamma", Shape{node.channels});
    BOOST_TEST(std::ranges::equal(of_node(gamma, node), saved), node.name);
    for (int64_t c = node.channel_offset; c < node.channel_offset + node.channels; ++c) {
      BOOST_TEST(near(shift[c] * running_std[c] + running_mean[c], mean[c]));
      BOOST_TEST(near(ratio[c] * running_std[c], std[c]));
      BOOST_TEST(near(folded[c], std::abs(factor[c]), 1e-4));
    }
  }
  BOOST_TEST(norms == 11);  // conv1 and five pairs
}

BOOST_AUTO_TEST_CASE(drift_starts_at_0_and_is_that_of_the_saved_weights) {
  const ResultReader result = trained("dws");
  const auto layer = [&](const std::string& name, int64_t epoch) {
    return result.row("layerwise/" + name, result.at_epoch(epoch));
  };
  const auto network = result.network();
  for (const std::string tensor : {"weight", "output"})
    for (const std::string name : {"/js_from_", "/wasserstein_from_"})
      for (size_t n = 0; n < network.size(); ++n) {
        const bool has = !std::isnan(layer(tensor + "/mean", 0)[n]);
        BOOST_TEST((has ? layer(tensor + name + "start", 0)[n] == 0
                        : std::isnan(layer(tensor + name + "start", 0)[n])));
        BOOST_TEST(std::isnan(layer(tensor + name + "previous", 0)[n]));
        BOOST_TEST(
            near(layer(tensor + name + "start", 1)[n], layer(tensor + name + "previous", 1)[n], 0));
        if (has && network[n].kind != "input")
          BOOST_TEST(layer(tensor + name + "previous", 2)[n] > 0, tensor << network[n].name);
      }
  BOOST_TEST(layer("weight/drift_from_start", 0)[1] == 0);
  BOOST_TEST(layer("weight/cosine_from_start", 0)[1] == 1);
  BOOST_TEST(std::isnan(layer("weight/drift_from_previous", 0)[1]));
  const NodeRow& node = network[1];  // conv1, [3, 3, 3, channels]
  const Shape shape{3, 3, 3, node.channels};
  const auto saved = [&](int64_t epoch) {
    return result.parameter(result.at_epoch(epoch), "conv1.conv", "weight", shape);
  };
  const auto before = saved(1), now = saved(2);
  double difference = 0, own = 0;
  for (size_t i = 0; i < now.size(); ++i) {
    difference += std::pow(double{now[i]} - double{before[i]}, 2);
    own += std::pow(double{before[i]}, 2);
  }
  BOOST_TEST(near(layer("weight/drift_from_previous", 2)[1], std::sqrt(difference / own), 1e-12));
  const auto channels =
      of_node(result.row("channelwise/weight/drift_from_previous", result.at_epoch(2)), node);
  BOOST_TEST(*std::ranges::min_element(channels) < std::sqrt(difference / own));
  BOOST_TEST(*std::ranges::max_element(channels) > std::sqrt(difference / own));
}

BOOST_AUTO_TEST_CASE(a_run_from_other_weights_starts_there) {
  BOOST_REQUIRE(run_tiny("other", {"--set", "variants=[]"}).exit_code == 0);
  const Outcome outcome =
      run_tiny("again", {"--set", "weights=other/result.h5", "--set", "train.epochs=0"});
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const ResultReader result(path / "again/result.h5");
  BOOST_TEST(result.row("layerwise/weight/drift_from_start", result.last()).at(1) == 0);
  BOOST_TEST(std::isnan(result.row("layerwise/weight/drift_from_previous", result.last()).at(1)));
}

BOOST_AUTO_TEST_CASE(without_histograms_or_moments_there_is_less_and_no_error) {
  for (const std::string kind : {"moments", "histogram"}) {
    const Outcome outcome = run_tiny(kind, {"--set", "track.statistics=[" + kind + "]"});
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    const ResultReader result(path / kind / "result.h5");
    const bool has_moments = kind == "moments";
    BOOST_TEST(result.file().has("layerwise/output/log2_range") == has_moments);
    BOOST_TEST(result.file().has("channelwise/weight/js_to_layer") != has_moments);
    BOOST_TEST(result.file().has("layerwise/output/js_from_start") != has_moments);
    BOOST_TEST(result.file().has("layerwise/weight/drift_from_start"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
