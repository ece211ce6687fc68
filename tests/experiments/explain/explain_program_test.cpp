// `quantdyn explain` as a user runs it, and counterfactuals against variants that say the same.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/explain/counterfactual.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr const char* four_bits =
    "weights: {quantizer: {name: affine, bit_width: 4}}, activations: {quantizer: {name: affine, "
    "bit_width: 4}}, calibration: {images: 64}";

struct Explained : Workplace {
  /// Runs tiny.yaml, one epoch, with other variants.
  std::string run_variants(const std::string& variants,
                           const std::vector<std::string>& sets = {}) const {
    std::vector<std::string> more{"--set", "train.epochs=1", "--set", "variants=" + variants};
    for (const std::string& set : sets) more.insert(more.end(), {"--set", set});
    const Outcome outcome = run_tiny("out", more);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return "out/result.h5";
  }
  nlohmann::json json_with(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "explain");
    arguments.emplace_back("--json");
    const Outcome outcome = run(arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return nlohmann::json::parse(outcome.out);
  }
  Outcome explained(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"explain", "out/result.h5"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(explain_program_test, Explained)

BOOST_AUTO_TEST_CASE(json_has_the_verdict_layers_and_causes) {
  const std::string file = run_variants(fmt::format("[{{name: four, {}}}]", four_bits));
  const nlohmann::json json = json_with({file, "--worst", "3"});
  BOOST_TEST(json["explain_schema"] == 1);
  BOOST_TEST(json["variant"] == "four");
  BOOST_TEST(json["ranked_by"] == "added error");
  BOOST_TEST(json["verdict"]["test_images"] == 64);
  for (const char* key : {"kind", "sentence", "accuracy_float", "accuracy", "loss", "noise",
                          "agreement", "logits_sqnr"})
    BOOST_TEST(json["verdict"].contains(key), key);
  for (const ThresholdRow& row : threshold_table())
    BOOST_TEST(json["thresholds"][row.name] == row.value);
  BOOST_TEST(json["not_asked"].empty());
  double sum = 0, causes = 0, last = INFINITY;
  for (const auto& layer : json["layers"]) {
    for (const char* key : {"name", "kind", "cost", "added_share", "sensitivity_share",
                            "accumulated_sqnr", "propagated_sqnr", "local_sqnr", "causes"})
      BOOST_TEST(layer.contains(key), key);
    sum += layer["added_share"].get<double>();
    BOOST_TEST(layer["cost"].get<double>() <= last);
    last = layer["cost"];
    for (const auto& cause : layer["causes"]) {
      ++causes;
      for (const char* key : {"rule", "statistic", "threshold", "sentence", "channels", "remedy",
                              "removes", "predicted_gain_db"})
        BOOST_TEST(cause.contains(key), key);
    }
  }
  BOOST_TEST(sum == 1, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(causes > 0);
}

BOOST_AUTO_TEST_CASE(a_counterfactual_is_what_a_variant_with_that_override_gives) {
  const std::string wide = "overrides: [{nodes: sep3_dw, bit_width: 8}]";
  const std::string own =
      "overrides: [{nodes: conv1, weights: {quantizer: {granularity: per_channel}}}]";
  const std::string mse = "overrides: [{nodes: conv1, activations: {estimator: mse}}]";
  const ResultReader result(path /
                            run_variants(fmt::format("[{{name: four, {0}}}, {{name: wide, {0}, "
                                                     "{1}}}, {{name: own, {0}, {2}}}, {{name: "
                                                     "mse, {0}, {3}}}]",
                                                     four_bits, wide, own, mse)));
  const NetFacts net = facts_of(result, result.last("four"));
  Counterfactual counterfactual(result, net, 64, path);
  const auto check = [&](const std::string& variant, std::span<const Repair> repairs) {
    const Measured measured = counterfactual.measure(repairs);
    // The images are the same in another order: sums are rounded otherwise.
    BOOST_TEST(measured.logits_sqnr == network_value(result, result.last(variant), "logits_sqnr"),
               boost::test_tools::tolerance(1e-9));
    BOOST_TEST(measured.accuracy == network_value(result, result.last(variant), "accuracy"));
  };
  const auto place = [&](const std::string& name) {
    return static_cast<int>(std::ranges::find(net.layers, name, &LayerFacts::name) -
                            net.layers.begin());
  };
  using Kind = Remedy::Kind;
  check("four", {});
  const Repair repairs[] = {
      {place("sep3_dw"), {Kind::bit_width, "8", ""}},
      {place("conv1"), {Kind::weight_scheme, "quantizer.granularity=per_channel", ""}},
      {place("conv1"), {Kind::output_scheme, "estimator=mse", ""}}};
  check("wide", {&repairs[0], 1});
  check("own", {&repairs[1], 1});
  check("mse", {&repairs[2], 1});
}

BOOST_AUTO_TEST_CASE(correcting_every_bias_is_the_repair_correct_bias) {
  const ResultReader result(
      path / run_variants(fmt::format("[{{name: four, {0}}}, {{name: corrected, {0}, repairs: "
                                      "{{correct_bias: {{}}}}}}]",
                                      four_bits)));
  const NetFacts net = facts_of(result, result.last("four"));
  Counterfactual counterfactual(result, net, 64, path);
  std::vector<Repair> repairs;
  for (size_t l = 0; l < net.layers.size(); ++l)
    if (net.layers[l].weight.is_quantized())
      repairs.push_back({static_cast<int>(l), {Remedy::Kind::bias, "", ""}});
  BOOST_TEST(counterfactual.measure(repairs).logits_sqnr ==
                 network_value(result, result.last("corrected"), "logits_sqnr"),
             boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(verify_writes_measured_gains_beside_the_predicted_ones) {
  const std::string file = run_variants(
      fmt::format("[{{name: four, {}, overrides: [{{kinds: depthwise, bit_width: 2}}], "
                  "sensitivity: {{images: 64}}}}]",
                  four_bits));
  const nlohmann::json json = json_with({file, "--all", "--verify", "--images", "64"});
  BOOST_TEST(json["ranked_by"] == "sensitivity");
  BOOST_TEST(json["counterfactuals"]["images"] == 64);
  BOOST_TEST(json["counterfactuals"]["unrepaired"]["gain_db"] == 0);
  int measured = 0;
  for (const auto& layer : json["layers"])
    for (const auto& cause : layer["causes"]) {
      BOOST_TEST(cause.contains("measured") == !cause["remedy"].is_null());
      measured += cause.contains("measured");
    }
  BOOST_TEST(measured > 0);
  BOOST_TEST(contains(explained({"--all", "--verify", "--worst", "1"}).out, " dB, measured "));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_explained_says_what_to_track) {
  run_variants("[]");
  const Outcome none = explained({});
  BOOST_TEST(none.exit_code == 2);
  BOOST_TEST(
      contains(none.err, "no variant is in the file, so nothing is lost; expected a variant"));
  BOOST_TEST(
      contains(explained({"--variant", "x"}).err, "no snapshot for --variant x; there are:"));
  BOOST_TEST(contains(explained({"--variant", "float32"}).err, "float32 is not quantized"));
  BOOST_TEST(
      contains(explained({"--threshold", "outlier=0"}).err, "accepted: a number from 1 to 1e+06"));
  BOOST_TEST(contains(explained({"--worst", "0"}).err, "--worst 0: accepted: 1 or more"));
  BOOST_TEST(contains(explained({"--images", "8"}).err, "do nothing without --verify"));
}

BOOST_AUTO_TEST_CASE(few_statistics_leave_rules_unasked) {
  run_variants("[{name: int8, weights: {}, activations: {}, calibration: {images: 64}}]",
               {"track.statistics=[signs]"});
  const Outcome outcome = explained({});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.out, "Not asked: dead channels (no folded_weight/max)"));
  BOOST_TEST(contains(outcome.out, "layers by the error that they add"));
}

BOOST_AUTO_TEST_CASE(variants_without_scales_weights_or_activations_are_explained) {
  const std::string file = run_variants(
      "[{name: logs, weights: {quantizer: {name: logarithmic, bit_width: 4}}, activations: "
      "{quantizer: {name: float}}, calibration: {images: 64}}, {name: weights, weights: {}}, "
      "{name: "
      "outputs, activations: {}, calibration: {images: 64}}, {name: open, weights: {}, fold: "
      "false}]");
  for (const char* variant : {"logs", "weights", "outputs", "open"}) {
    const Outcome outcome = explained({"--variant", variant, "--all", "--verify", "--images", "8"});
    BOOST_TEST(outcome.exit_code == 0, variant << ": " << outcome.err);
    BOOST_TEST(contains(outcome.out, std::string("variant ") + variant));
  }
}

BOOST_AUTO_TEST_CASE(data_that_are_gone_are_named) {
  run_variants("[{name: int8, weights: {}, activations: {}, calibration: {images: 64}}]");
  const ResultReader result(path / "out/result.h5");
  NetFacts net = facts_of(result, result.last("int8"));
  net.of_variant.variant = "other";
  BOOST_TEST(
      contains(error_of([&] { Counterfactual(result, net, 8, path); }), "no variant 'other'"));
}

BOOST_AUTO_TEST_CASE(verify_refuses_other_images_than_those_of_the_run) {
  const auto write_images = [&](float first) {
    h5::File file = h5::File::create(path / "images.h5");
    std::vector<float> x(64 * 32 * 32 * 3);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * i % 101) / 101;
    x[0] = first;
    file.write<float>("x", std::vector<int64_t>{64, 32, 32, 3}, x);
    file.write<int32_t>("y", std::vector<int64_t>{64}, std::vector<int32_t>(64, 1));
    file.commit();
  };
  write_images(0.25f);
  run_variants("[{name: int8, weights: {}, activations: {}, calibration: {images: 64}}]",
               {"data.source={name: hdf5, file: images.h5, train_x: x, train_y: y, test_x: x, "
                "test_y: y, classes: 10}"});
  BOOST_TEST(explained({"--verify", "--images", "8"}).exit_code == 0);
  write_images(0.75f);
  BOOST_TEST(contains(explained({"--verify", "--images", "8"}).err,
                      "--verify: the train images of 'hdf5 train' have the SHA-256"));
}

BOOST_AUTO_TEST_CASE(inspect_shows_the_worst_layers_alone) {
  const std::string file = run_variants(fmt::format("[{{name: four, {}}}]", four_bits));
  const std::string out = run({"inspect", file, "--worst", "2"}).out;
  BOOST_TEST(contains(out, "layers by the error that they add\n"));
  BOOST_TEST(std::ranges::count(out, '\n') == 9);  // snapshot, title, header 3, rule, 2, hint
  BOOST_TEST(contains(run({"inspect", file, "--worst", "2", "--layer", "conv1"}).err,
                      "--worst 2: accepted: 1 or more layers, without --layer"));
  BOOST_TEST(contains(run({"inspect", file, "--worst", "2", "--variant", "float32"}).err,
                      "has no errors by layer; expected a variant"));
}

BOOST_AUTO_TEST_SUITE_END()
