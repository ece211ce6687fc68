// Two results side by side: which nodes pair, what differs most, and equality to the last bit.
#include "experiments/commands/compare_results.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "experiments/results/config_difference.h"
#include "experiments/results/layer_metrics.h"
#include "experiments/results/node_alignment.h"
#include "experiments/results/result_equality.h"
#include "tests/experiments/program.h"
#include "tests/experiments/results/fabricated_runs.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> pairs(const std::vector<NodeShape>& a, const std::vector<NodeShape>& b) {
  std::vector<std::string> out;
  for (const NodePair& pair : align_nodes(a, b))
    out.push_back((pair.a < 0 ? "-" : a[static_cast<size_t>(pair.a)].name) + " " +
                  (pair.b < 0 ? "-" : b[static_cast<size_t>(pair.b)].name));
  return out;
}

const std::vector<NodeShape> regular = {
    {"input", "input", {32, 32, 3}},       {"conv1", "conv2d", {32, 32, 32}},
    {"conv2", "conv2d", {32, 32, 64}},     {"conv3", "conv2d", {16, 16, 64}},
    {"pool", "global_average_pool", {64}}, {"logits", "dense", {10}}};

}  // namespace

BOOST_AUTO_TEST_SUITE(compare_results_test)

BOOST_AUTO_TEST_CASE(nodes_of_one_net_pair_by_name) {
  BOOST_TEST(pairs(regular, regular) ==
             (std::vector<std::string>{"input input", "conv1 conv1", "conv2 conv2", "conv3 conv3",
                                       "pool pool", "logits logits"}));
}

BOOST_AUTO_TEST_CASE(a_regular_convolution_pairs_with_the_pointwise_one_of_its_block) {
  const std::vector<NodeShape> separable = {
      {"input", "input", {32, 32, 3}},        {"conv1", "conv2d", {32, 32, 32}},
      {"sep2_dw", "depthwise", {32, 32, 32}}, {"sep2_pw", "pointwise", {32, 32, 64}},
      {"sep3_dw", "depthwise", {16, 16, 64}}, {"sep3_pw", "pointwise", {16, 16, 64}},
      {"pool", "global_average_pool", {64}},  {"logits", "dense", {10}}};
  BOOST_TEST(
      pairs(regular, separable) ==
      (std::vector<std::string>{"input input", "conv1 conv1", "- sep2_dw", "conv2 sep2_pw",
                                "- sep3_dw", "conv3 sep3_pw", "pool pool", "logits logits"}));
}

BOOST_AUTO_TEST_CASE(a_grouped_convolution_pairs_with_the_regular_one_in_its_place) {
  std::vector<NodeShape> grouped = regular;
  grouped[2] = {"grouped2", "grouped", {32, 32, 64}};
  BOOST_TEST(pairs(regular, grouped) ==
             (std::vector<std::string>{"input input", "conv1 conv1", "conv2 grouped2",
                                       "conv3 conv3", "pool pool", "logits logits"}));
}

BOOST_AUTO_TEST_CASE(unrelated_nets_pair_in_order_and_every_node_occurs_once) {
  const std::vector<NodeShape> other = {
      {"image", "input", {96, 96, 3}}, {"stem", "conv2d", {48, 48, 8}},
      {"a", "depthwise", {48, 48, 8}}, {"b", "pointwise", {48, 48, 16}},
      {"sum", "add", {48, 48, 16}},    {"gap", "global_average_pool", {16}},
      {"flat", "flatten", {16}},       {"out", "dense", {2}}};
  const auto found = align_nodes(regular, other);
  int64_t a = 0, b = 0;
  for (const NodePair& pair : found) {
    if (pair.a >= 0) BOOST_TEST(pair.a == a++);
    if (pair.b >= 0) BOOST_TEST(pair.b == b++);
  }
  BOOST_TEST(a == 6);
  BOOST_TEST(b == 8);
  const auto names = pairs(regular, other);
  const std::set<std::string> all(names.begin(), names.end());
  for (const std::string pair : {"input image", "- sum", "pool gap", "- flat", "logits out"})
    BOOST_TEST(all.contains(pair), pair);
  BOOST_TEST(align_nodes({}, other).size() == 8u);
}

BOOST_AUTO_TEST_CASE(nets_with_too_many_nodes_are_not_compared) {
  const std::vector<NodeShape> huge(100'000);
  BOOST_TEST(
      error_of<ConfigError>([&] { align_nodes(huge, huge); }) ==
      "nets of 100000 and 100000 nodes cannot be compared; accepted: at most 25000000 pairs");
}

BOOST_AUTO_TEST_CASE(differing_config_keys_are_named_by_path) {
  const std::string a =
      "seed: 1\nnet: {width: 1, file: x}\nlist: [1, 2]\nvariants:\n  - {name: p, bits: 8}\n  - "
      "{name: q, bits: 8}\n";
  const std::string b =
      "seed: 1\nnet: {width: 2}\nlist: [1, 2]\nmore: {x: 1}\nvariants:\n  - {name: q, bits: 4}\n";
  std::vector<std::string> found;
  for (const ConfigDifference& d : config_differences(a, b))
    found.push_back(d.key + ": " + d.a + " | " + d.b);
  BOOST_TEST(found == (std::vector<std::string>{"net.width: 1 | 2", "net.file: x | -",
                                                "variants[p]: {name: p, bits: 8} | -",
                                                "variants[q].bits: 8 | 4", "more: - | {x: 1}"}));
  const std::string ignored[] = {"net", "variants", "more"};
  BOOST_TEST(config_differences(a, b, ignored).empty());
}

BOOST_AUTO_TEST_CASE(differences_rank_by_the_spread_of_their_metric_over_layers) {
  // Variances over layers: a 2/3 and 8/3 of {0, 2, 4}; equal ones of a metric without spread.
  const std::vector<LayerMetric> metrics = {
      {"output", "wide", "dB", {0, 2, 4}, {1, 2, 3}},
      {"output", "flat", "1", {5, 5, NAN}, {5, 5, 7}},
      {"output", "infinite", "dB", {1, 2, INFINITY}, {1, 4, 3}}};
  const std::vector<NodePair> nodes = {{0, 0}, {1, 1}, {2, 2}, {-1, 2}};
  const auto ranked = ranked_differences(metrics, nodes);
  BOOST_REQUIRE(ranked.size() == 3u);
  // s^2 of `infinite`: (1/4 + 14/9) / 2; of `wide`: (8/3 + 2/3) / 2.
  BOOST_TEST(ranked[0].metric == 2u);
  BOOST_TEST(ranked[0].difference == 2);
  BOOST_TEST(ranked[0].spreads == 2 / std::sqrt((0.25 + 14.0 / 9) / 2),
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(ranked[1].metric == 0u);
  BOOST_TEST(ranked[1].nodes.a == 0);
  BOOST_TEST(ranked[1].spreads == 1 / std::sqrt(5.0 / 3), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(ranked[2].difference == -1);
}

BOOST_FIXTURE_TEST_CASE(equal_runs_are_said_to_be_equal_to_the_last_bit, OutputFolder) {
  const fs::path a = fabricated::write_seed(path / "a", 7, 1),
                 b = fabricated::write_seed(path / "b", 7, 1);
  const std::string text = compare_results({a, b, {}, {}});
  BOOST_TEST(contains(text,
                      "same network, snapshots and seed, same config: all numbers are equal "
                      "to the last bit except durations"),
             text);
  BOOST_TEST(contains(text, "differs most: no pair of nodes differs"), text);
  const fs::path c = fabricated::write_seed(path / "c", 7, std::nextafter(1.0, 2.0));
  BOOST_TEST(first_difference(ResultReader(a), ResultReader(c)) ==
             "/training/loss differs first at [0]: 1 against 1.0000000000000002");
  BOOST_TEST(contains(compare_results({a, c, {}, {}}), "the numbers differ: /training/loss"));
}

BOOST_FIXTURE_TEST_CASE(the_first_dataset_that_differs_or_lacks_is_named, OutputFolder) {
  fabricated::write(path / "a");
  {
    ResultWriter writer(path / "b", fabricated::facts(), Overwrite::refuse);
    for (int64_t i = 0; i < 3; ++i) {
      Snapshot snapshot = fabricated::snapshot(i);
      if (i == 2) std::get<std::vector<int8_t>>(snapshot.quantization[0].codes)[3] = 0;
      fabricated::add(writer, i, std::move(snapshot));
      if (i == 0) writer.add_training_row({50, 1, 1.5, 0.25, 0.1, 99});  // another duration
    }
    writer.finish();
  }
  const ResultReader a(path / "a/result.h5"), b(path / "b/result.h5");
  BOOST_TEST(first_difference(a, b) ==
             "/quantization/int8/dw2/weight/codes differs first at [1, 1]: 1 against 0");
  const ResultReader one(path / "a/snapshots/snapshot-0000.h5");
  BOOST_TEST(contains(first_difference(a, one), "/training/accuracy has the shapes [1] and [0]"));
}

BOOST_FIXTURE_TEST_CASE(another_seed_is_compared_node_by_node, OutputFolder) {
  const fs::path a = fabricated::write_seed(path / "a", 7, 1),
                 b = fabricated::write_seed(path / "b", 8, 2);
  const std::string text = compare_results({a, b, {}, "output"});
  for (const std::string part :
       {"made-up, seed 7, 4 nodes, 3 snapshots", "snapshot 2 (int8 at epoch 1)",
        "loss         1     2     +1  nat",
        // s = sqrt((1.25 + 5) / 2) of {1, 2, 3, 4} and {2, 4, 6, 8}; 4 / s = 2.26.
        " 2.3  spread of the output: 8 in add (made-up, seed 8) against 4 in add (made-up, seed "
        "7): +4"})
    BOOST_TEST(contains(text, part), part << " is missing in\n" << text);
  BOOST_TEST(!contains(text, "last bit"));
  BOOST_TEST(contains(compare_results({a, b, "float32", {}}), "snapshot 1 (float32 at epoch 1)"));
  BOOST_TEST(contains(error_of<ConfigError>([&] {
                        compare_results({a, b, "int4", {}});
                      }),
                      "no snapshot for --variant int4; there are: 0 (float32 at epoch 0)"));
  BOOST_TEST(contains(error_of<ConfigError>([&] {
                        compare_results({a, b, {}, "weight"});
                      }),
                      "no tensor 'weight'; there are: output"));
}

BOOST_FIXTURE_TEST_CASE(the_program_compares_a_depthwise_with_a_regular_net, Workplace) {
  BOOST_REQUIRE(run_tiny("dws", {"--set", "train.epochs=1"}).exit_code == 0);
  BOOST_REQUIRE(run_tiny("regular", {"--set", "train.epochs=1", "--set", "name=regular", "--set",
                                     "network.file=networks/regular.yaml"})
                    .exit_code == 0);
  const Outcome outcome = run({"compare", "regular/result.h5", "dws/result.h5"});
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  for (const std::string part :
       {"network.file", "- | sep2_dw", "conv2 | sep2_pw", "differs most", "folded_weight\n",
        "accumulated SQNR falls most, node by node:\n  regular: "})
    BOOST_TEST(contains(outcome.out, part), part << " is missing in\n" << outcome.out);
  const Outcome int8 = run(
      {"compare", "regular/result.h5", "dws/result.h5", "--variant", "int8", "--tensor", "output"});
  BOOST_TEST(int8.exit_code == 0);
  BOOST_TEST(contains(int8.out, "(int8 at epoch 1)"));
  BOOST_TEST(!contains(int8.out, "folded_weight\n"));
  BOOST_TEST(run({"compare", "dws/result.h5"}).exit_code == 2);
  BOOST_TEST(contains(run({"compare", "dws/result.h5"}).err, "compare: expected two results"));
  BOOST_TEST(run({"compare", "dws/result.h5", "missing.h5"}).exit_code != 0);

  const Outcome ranks = run({"correlate", "regular/result.h5", "dws/result.h5"});
  BOOST_REQUIRE_MESSAGE(ranks.exit_code == 0, ranks.err);
  for (const std::string part :
       {"x: layerwise/folded_weight/average_channel_precision\ny: layerwise/output/local_sqnr\n",
        "regular/result.h5", "within nets", "all layers, pooled"})
    BOOST_TEST(contains(ranks.out, part), part << " is missing in\n" << ranks.out);
  const Outcome same = run({"correlate", "dws/result.h5", "--x", "output/mean", "--y",
                            "output/mean", "--variant", "float32"});
  BOOST_TEST(contains(same.out, " 1.00 "), same.out);
  BOOST_TEST(!contains(same.out, "pooled"));
  BOOST_TEST(run({"correlate"}).exit_code == 2);
  const Outcome unknown = run({"correlate", "dws/result.h5", "--x", "output/meen"});
  BOOST_TEST(unknown.exit_code == 2);
  BOOST_TEST(contains(unknown.err, "has no layerwise/output/meen; it has "), unknown.err);
  BOOST_TEST(contains(run({"correlate", "dws/result.h5", "--y", "output/histogram"}).err,
                      "layerwise/output/histogram has more than one value a layer"));
}

BOOST_AUTO_TEST_SUITE_END()
