// Whole runs of variants: overrides, repairs, the sensitivity table and the integer check, against
// variants that say the same in another way.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/results/result_reader.h"
#include "framework/h5/h5.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Tables : Workplace {
  /// Runs tiny.yaml, one epoch, with other variants.
  ResultReader run_variants(const std::string& variants,
                            const std::vector<std::string>& sets = {"train.epochs=1"}) const {
    const std::string tiny = tiny_yaml();
    write("variants.yaml", tiny.substr(0, tiny.find("variants:")) + "variants:\n" + variants);
    std::vector<std::string> arguments{"run",     "variants.yaml", "--quiet",
                                       "--force", "--output",      "out"};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Outcome outcome = run(arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return ResultReader(path / "out/result.h5");
  }
};

double network_value(const ResultReader& result, const std::string& variant,
                     const std::string& name) {
  return result.row("networkwise/" + name, result.last(variant)).at(0);
}
double node_value(const ResultReader& result, const std::string& variant, const std::string& path,
                  const std::string& node) {
  const std::vector<double> row = result.row("layerwise/" + path, result.last(variant));
  const auto network = result.network();
  for (size_t i = 0; i < network.size(); ++i)
    if (network[i].name == node) return row.at(i);
  return std::nan("");
}

constexpr const char* schemes =
    "weights: {quantizer: {name: affine, bit_width: 4}}, activations: {quantizer: {name: affine, "
    "bit_width: 4}}, calibration: {images: 64}";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(variant_tables_test, Tables)

BOOST_AUTO_TEST_CASE(sensitivity_is_what_a_variant_of_that_tensor_alone_gives) {
  std::string yaml = fmt::format("  - {{name: all, {}, sensitivity: {{images: 64}}}}\n", schemes);
  const std::vector<std::string> nodes{"conv1", "sep3_dw", "logits"};
  for (const std::string& node : nodes) {
    yaml += fmt::format(
        "  - {{name: only-weight-{0}, overrides: [{{nodes: {0}, weights: {{quantizer: {{name: "
        "affine, bit_width: 4}}}}}}]}}\n"
        "  - {{name: all-but-weight-{0}, {1}, overrides: [{{nodes: {0}, weights: {{quantizer: "
        "none}}}}]}}\n"
        "  - {{name: all-but-output-{0}, {1}, overrides: [{{nodes: {0}, activations: {{quantizer: "
        "none}}}}]}}\n"
        "  - {{name: only-output-{0}, calibration: {{images: 64}}, overrides: [{{nodes: {0}, "
        "activations: {{quantizer: {{name: affine, bit_width: 4}}}}}}]}}\n",
        node, schemes);
  }
  const ResultReader result = run_variants(yaml);
  for (const std::string& node : nodes)
    for (const std::string tensor : {"weight", "output"})
      for (const std::string which : {"only", "all_but"})
        for (const std::string metric : {"accuracy", "logits_qmse", "kl_divergence"}) {
          const double found =
              node_value(result, "all", tensor + "/sensitivity_" + which + "_" + metric, node);
          const std::string variant =
              (which == "only" ? "only-" : "all-but-") + tensor + "-" + node;
          const double expected = network_value(result, variant, metric);
          // A variant is measured against the net as trained, a tensor against the folded net.
          BOOST_TEST(std::abs(found - expected) <= 1e-5 * std::abs(expected),
                     variant << " " << metric << ": " << found << " and " << expected);
        }
  BOOST_TEST(std::isnan(node_value(result, "all", "weight/sensitivity_only_accuracy", "pool")));
}

BOOST_AUTO_TEST_CASE(errors_before_at_and_after_a_layer_relate_as_defined) {
  const std::string variants = fmt::format(
      "  - {{name: all, {}, sensitivity: {{images: 64}}}}\n"
      "  - {{name: weights, weights: {{quantizer: {{name: affine, bit_width: 4}}}}}}\n",
      schemes);
  const ResultReader result = run_variants(variants);
  const auto row = [&](const std::string& array, const std::string& variant = "all") {
    return result.row(array, result.last(variant));
  };
  for (const char* scope : {"layerwise", "channelwise"}) {
    const auto of = [&](const std::string& name) {
      return row(fmt::format("{}/output/{}", scope, name));
    };
    const auto added = of("added_qmse"), accumulated = of("accumulated_qmse"),
               propagated = of("propagated_qmse"), clipping = of("clipping_error"),
               rounding = of("rounding_error"), quantizer = of("quantizer_qmse"),
               entropy = of("code_entropy"), local = of("local_qmse");
    for (size_t i = 0; i < added.size(); ++i) {
      // The file keeps 24 bits of each.
      BOOST_TEST(std::abs(added[i] - (accumulated[i] - propagated[i])) <=
                 1e-6 * (accumulated[i] + propagated[i]));
      if (std::isnan(quantizer[i])) continue;
      BOOST_TEST(quantizer[i] == clipping[i] + rounding[i], boost::test_tools::tolerance(1e-6));
      BOOST_TEST((entropy[i] >= 0 && entropy[i] <= 4));
    }
    BOOST_TEST(local[0] == accumulated[0]);  // the input
    BOOST_TEST(local[0] == quantizer[0], boost::test_tools::tolerance(1e-6));
    BOOST_TEST(propagated[0] == 0);
  }
  // The first convolution reads the quantized input, and no error reaches it where that is float.
  BOOST_TEST(node_value(result, "all", "output/propagated_qmse", "conv1") > 0);
  BOOST_TEST(node_value(result, "weights", "output/propagated_qmse", "conv1") == 0);
  BOOST_TEST(node_value(result, "weights", "output/added_qmse", "conv1") ==
             node_value(result, "weights", "output/local_qmse", "conv1"));
  BOOST_TEST(std::isnan(node_value(result, "weights", "output/quantizer_qmse", "conv1")));
  double sum = 0;
  for (const char* tensor : {"weight", "output"})
    for (double error : row(fmt::format("layerwise/{}/sensitivity_only_logits_qmse", tensor)))
      if (!std::isnan(error)) sum += error;
  const double all = network_value(result, "all", "sensitivity_all_logits_qmse");
  BOOST_TEST(all == network_value(result, "all", "logits_qmse"),
             boost::test_tools::tolerance(1e-6));  // the same 64 images
  BOOST_TEST(network_value(result, "all", "additivity_gap") == sum - all,
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(a_weight_has_the_error_of_its_quantizer_and_no_distance_by_code) {
  const ResultReader result =
      run_variants(fmt::format("  - {{name: all, {}}}\n"
                               "  - {{name: wide, weights: {{quantizer: {{name: affine, bit_width: "
                               "12}}}}}}\n",
                               schemes));
  for (const char* node : {"conv1", "sep3_dw", "logits"}) {
    const auto of = [&](const std::string& name, const std::string& variant = "all") {
      return node_value(result, variant, "weight/" + name, node);
    };
    BOOST_TEST(of("local_qmse") == of("quantizer_qmse"), boost::test_tools::tolerance(1e-6));
    BOOST_TEST(of("local_qmse") > 0);
    BOOST_TEST((of("local_cosine") > 0.9 && of("local_cosine") < 1));
    BOOST_TEST(of("cell_kl") == 0);
    BOOST_TEST(of("cell_js") == 0);
    BOOST_TEST((of("code_occupancy") > 0 && of("code_occupancy") <= 1));
    BOOST_TEST(of("dead_codes") == 16 * (1 - of("code_occupancy")),
               boost::test_tools::tolerance(1e-6));
    BOOST_TEST(of("wasserstein_uncertainty") < 1e-8);
    BOOST_TEST(of("quantizer_qmse", "wide") > 0);
    BOOST_TEST(std::isnan(of("code_entropy", "wide")));
  }
}

BOOST_AUTO_TEST_CASE(the_integer_twin_agrees_with_the_simulation) {
  const ResultReader result = run_variants(
      "  - {name: int8, weights: {quantizer: {name: affine, granularity: per_channel, symmetric: "
      "true}}, activations: {}, calibration: {images: 64}, bias: int32, integer_check: {images: "
      "64}}\n");
  for (const NodeRow& node : result.network()) {
    if (node.name == "input") continue;
    const auto of = [&](const std::string& name) {
      return node_value(result, "int8", "integer/" + name, node.name);
    };
    BOOST_TEST(of("local_difference_single") <= 1);
    BOOST_TEST(of("local_difference_twice") <= 1);
    BOOST_TEST(of("local_equal_single") > 0.999);
    BOOST_TEST(of("local_equal_twice") > 0.9);
    BOOST_TEST(of("accumulated_difference_single") < 8);
    BOOST_TEST(of("accumulator_headroom") > 8);
    BOOST_TEST(of("accumulator_headroom") == 31 - std::log2(of("accumulator_largest")),
               boost::test_tools::tolerance(1e-12));
  }
  BOOST_TEST(std::abs(network_value(result, "int8", "integer_accuracy_single") -
                      network_value(result, "int8", "accuracy")) < 0.1);
  BOOST_TEST(network_value(result, "int8", "integer_agreement_single") > 0.9);
  const h5::File& file = result.file();
  BOOST_TEST(file.has("quantization/int8/conv1/bias/codes"));
  BOOST_TEST(
      contains(file.group("quantization/int8/conv1/weight").text("scheme"), "symmetric: true"));
}

BOOST_AUTO_TEST_CASE(repairs_leave_their_reports) {
  const std::string variants =
      "  - {name: repaired, weights: {quantizer: {name: affine, bit_width: 4}}, activations: {}, "
      "calibration: {images: 64}, repairs: {dead_channels: {}, equalize: {}, absorb: {}, "
      "correct_bias: {}, recalibrate: true}}\n"
      "  - {name: rounded, weights: {quantizer: {name: affine, bit_width: 3}}, calibration: "
      "{images: 64}, repairs: {adaround: {iterations: 40}}}\n"
      "  - {name: plain, weights: {quantizer: {name: affine, bit_width: 3}}}\n";
  const ResultReader result = run_variants(variants);
  for (const char* array :
       {"channelwise/repairs/dead_channel", "channelwise/repairs/equalization_scale",
        "channelwise/repairs/absorbed", "channelwise/repairs/bias_correction",
        "channelwise/repairs/rounded_otherwise", "layerwise/repairs/adaround_error_before",
        "layerwise/repairs/channel_precision_before", "layerwise/repairs/effective_bits_after"})
    BOOST_TEST(result.file().has(array), array);
  for (const char* variant : {"repaired", "rounded"})
    BOOST_TEST(network_value(result, variant, "repairs_sqnr_after") >
               network_value(result, variant, "repairs_sqnr_before"));
  BOOST_TEST(std::isnan(network_value(result, "plain", "repairs_sqnr_after")));
  BOOST_TEST(network_value(result, "repaired", "equalization_residual") <= 1e-3);
  BOOST_TEST(network_value(result, "repaired", "average_channel_precision") >
             network_value(result, "plain", "average_channel_precision"));
  BOOST_TEST(network_value(result, "rounded", "logits_qmse") <
             network_value(result, "plain", "logits_qmse"));
}

BOOST_AUTO_TEST_CASE(without_labels_the_tables_have_no_accuracy_but_all_else) {
  const ResultReader result = run_variants(
      "  - {name: int8, weights: {quantizer: {name: affine, granularity: per_channel, symmetric: "
      "true}}, activations: {}, calibration: {images: 64}, bias: int32, integer_check: {images: "
      "64}, sensitivity: {images: 64}}\n",
      {"train.epochs=0",
       "data.source={name: unlabelled, of: {name: synthetic, train_images: 256, test_images: "
       "64}}"});
  BOOST_TEST(std::isnan(network_value(result, "int8", "integer_accuracy_single")));
  BOOST_TEST(network_value(result, "int8", "integer_agreement_single") > 0.9);
  BOOST_TEST(std::isnan(node_value(result, "int8", "weight/sensitivity_only_accuracy", "conv1")));
  BOOST_TEST(node_value(result, "int8", "weight/sensitivity_only_logits_qmse", "conv1") > 0);
}

BOOST_AUTO_TEST_CASE(ranges_converge_to_those_of_as_many_images) {
  const std::string sigma =
      "activations: {estimator: {name: sigma, within_ends: false}}, calibration: {images: ";
  const ResultReader result =
      run_variants("  - {name: all, " + sigma + "64, convergence: [8, 24, 64]}}\n" +
                   "  - {name: few, " + sigma + "24}}\n");
  const h5::File file = h5::File::open(path / "out/result.h5");
  for (const char* node : {"input", "conv1", "sep3_dw", "logits"}) {
    const h5::Group all = file.group(fmt::format("quantization/all/{}/output", node));
    const h5::Group few = file.group(fmt::format("quantization/few/{}/output", node));
    const std::vector<double> high = all.dataset("convergence_high").read<double>();
    BOOST_TEST(all.dataset("convergence_low").sizes() == (std::vector<int64_t>{3, 1}));
    BOOST_TEST(high[2] == all.number("range_high"));
    BOOST_TEST(high[1] == few.number("range_high"));
    BOOST_TEST(high[0] != high[1]);
    BOOST_TEST(!few.has("convergence_high"));
  }
}

BOOST_AUTO_TEST_CASE(recalibrated_ranges_converge_after_the_quantized_weights) {
  run_variants(
      "  - {name: again, weights: {quantizer: {name: affine, bit_width: 3}}, activations: {}, "
      "calibration: {images: 64, convergence: [8, 64]}, repairs: {recalibrate: true}}\n");
  const h5::File file = h5::File::open(path / "out/result.h5");
  const h5::Group logits = file.group("quantization/again/logits/output");
  BOOST_TEST(logits.dataset("convergence_high").read<double>().back() ==
             logits.number("range_high"));
}

BOOST_AUTO_TEST_SUITE_END()
