// Training with quantization from end to end: both images of a weight are tracked, the trained
// ranges stay, and what cannot be is refused.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/results/result_reader.h"
#include "framework/h5/h5.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Trainings : Workplace {
  /// tiny.yaml with a section `train.quantization` and the variant `low`.
  void write_tiny(const std::string& section, const std::string& variant = "") const {
    std::string tiny = tiny_yaml();
    tiny = tiny.substr(0, tiny.find("variants:"));
    tiny.replace(tiny.find("  epochs: 2\n"), 12,
                 "  epochs: 2\n  quantization: {variant: low, " + section + "}\n");
    write("low.yaml",
          tiny +
              "variants:\n  - {name: low, weights: {quantizer: {name: affine, bit_width: 3}}, "
              "activations: {quantizer: {name: affine, bit_width: 4}}, calibration: {images: "
              "64}" +
              variant + "}\n");
  }
  Outcome run_low(const std::string& output, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"run",      "low.yaml", "--quiet", "--force",
                                       "--output", output,     "--set",   "track.every=1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  ResultReader result_of(const std::string& output) const {
    return ResultReader(path / output / "result.h5");
  }
};

double value(const ResultReader& result, const std::string& variant, const std::string& name) {
  return result.row("networkwise/" + name, result.last(variant)).at(0);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(quantization_training_test, Trainings)

BOOST_AUTO_TEST_CASE(every_way_of_training_runs_and_leaves_its_ranges) {
  for (const std::string section :
       {"folding: batch", "folding: running, weights: lsq, activations: lsq",
        "folding: batch, activations: pact, start_epoch: 1", "folding: batch, freeze_epoch: 1"}) {
    write_tiny(section);
    const Outcome outcome = run_low("out");
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, section << ": " << outcome.err);
    const ResultReader result = result_of("out");
    BOOST_TEST(std::isfinite(value(result, "low", "logits_qmse")), section);
    // At initialization and after both epochs in float; after those with quantization as variant.
    const bool is_late = contains(section, "start_epoch: 1");
    BOOST_TEST(result.snapshots().size() == (is_late ? 4u : 5u), section);
    BOOST_TEST(result.at_epoch(2, "low").epoch == 2);
    BOOST_TEST(result.file().has("channelwise/weight/max"));
    const h5::Group weight = result.file().group("quantization/low/conv1/weight");
    BOOST_TEST(weight.integer("bit_width") == 3);
  }
}

BOOST_AUTO_TEST_CASE(frozen_ranges_end_where_they_were) {
  // After the first of two epochs ranges stay: the second one's do not depend on how it went.
  for (const std::string activations : {"straight_through", "lsq", "pact"}) {
    const auto high_of = [&](const std::string& section) {
      write_tiny("folding: batch, activations: " + activations + section);
      BOOST_REQUIRE(run_low("out").exit_code == 0);
      const auto file = h5::File::open(path / "out/snapshots/snapshot-0004.h5");
      const auto earlier = h5::File::open(path / "out/snapshots/snapshot-0002.h5");
      const std::string group = "quantization/low/conv1/output";
      return std::pair(earlier.group(group).number("range_high"),
                       file.group(group).number("range_high"));
    };
    const auto [first, second] = high_of(", freeze_epoch: 1");
    BOOST_TEST(first == second, activations);
    const auto [free_first, free_second] = high_of("");
    BOOST_TEST(free_first == first, activations);
    BOOST_TEST(free_first != free_second, activations);
  }
}

BOOST_AUTO_TEST_CASE(training_with_the_quantizers_beats_quantizing_after) {
  write_tiny("folding: batch, weights: lsq");
  BOOST_REQUIRE(run_low("with").exit_code == 0);
  std::string plain = text_of(path / "low.yaml");
  const size_t section = plain.find("  quantization:");
  write("plain.yaml", plain.erase(section, plain.find('\n', section) + 1 - section));
  BOOST_REQUIRE(run({"run", "plain.yaml", "--quiet", "--output", "plain"}).exit_code == 0);
  BOOST_TEST(value(result_of("with"), "low", "cross_entropy") <
             value(result_of("plain"), "low", "cross_entropy"));
}

BOOST_AUTO_TEST_CASE(folding_none_trains_unfolded_weights_for_an_unfolded_variant) {
  write_tiny("folding: none", ", fold: false");
  const Outcome outcome = run_low("out");
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  const ResultReader result = result_of("out");
  const SnapshotLabel low = result.last("low"), trained = result.last();
  // The variant's net keeps its norms, and so its conv taps.
  BOOST_TEST(std::isfinite(result.row("layerwise/conv/max", low).at(1)));
  BOOST_TEST(!result.parameter(low, "conv1.norm", "gamma", {4}).empty());
  BOOST_TEST(result.parameter(low, "conv1.conv", "weight", {3, 3, 3, 4}) ==
             result.parameter(trained, "conv1.conv", "weight", {3, 3, 3, 4}));
}

BOOST_AUTO_TEST_CASE(variants_tell_how_often_codes_changed_and_oscillated) {
  write_tiny("folding: batch, weights: lsq");
  BOOST_REQUIRE(run_low("out").exit_code == 0);
  const ResultReader result = result_of("out");
  for (const int64_t epoch : {1, 2}) {
    const SnapshotLabel low = result.at_epoch(epoch, "low");
    const auto changes = result.row("layerwise/weight/code_change_rate", low);
    const auto turns = result.row("layerwise/weight/oscillation_rate", low);
    // Of 8 steps an epoch the very first has none before it; 3 x 3 x 3 x 4 weights.
    const double counted = changes.at(1) * 108 * (epoch == 1 ? 7 : 8);
    BOOST_TEST(std::abs(counted - std::round(counted)) < 1e-9);
    BOOST_TEST(std::isnan(changes.at(0)));  // the images have no weight
    BOOST_TEST(changes.at(1) > 0);
    BOOST_TEST(changes.at(1) <= 1);
    BOOST_TEST(turns.at(1) > 0);
    BOOST_TEST(turns.at(1) < changes.at(1));
  }
  for (const double rate : result.row("layerwise/weight/code_change_rate", result.last()))
    BOOST_TEST(std::isnan(rate));  // the net in float has no codes
}

BOOST_AUTO_TEST_CASE(codes_stay_where_weights_do) {
  for (const std::string learning : {"straight_through", "lsq"}) {
    write_tiny("folding: running, weights: " + learning);
    const Outcome outcome = run_low("still", {"--set", "train.schedule.learning_rate=1e-30"});
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    const ResultReader result = result_of("still");
    for (const char* name : {"code_change_rate", "oscillation_rate"})
      BOOST_TEST(result.row(std::string("layerwise/weight/") + name, result.last("low")).at(1) ==
                 0);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_before_any_compute) {
  const auto refusal = [&](const std::string& section, const std::string& variant,
                           const std::vector<std::string>& more = {}) {
    write_tiny(section, variant);
    const Outcome outcome = run_low("refused", more);
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(!std::filesystem::exists(path / "refused"));
    return outcome.err;
  };
  BOOST_TEST(contains(refusal("folding: none", ""), "low.yaml:8: folding: the variant 'low'"));
  write_tiny("folding: batch");
  BOOST_TEST(contains(run_low("refused", {"--set", "variants.0.calibration.convergence=[8]"}).err,
                      "variant: 'low' has calibration.convergence, but training moves"));
  BOOST_TEST(contains(refusal("weights: lsq", "", {"--set", "train.epochs=0"}),
                      "start_epoch: 0 of 0 epochs are in float first"));
  BOOST_TEST(contains(refusal("folding: batch", "", {"--no-fuse"}),
                      "folding: is done by fused kernels; expected compute.fuse: true"));
}

BOOST_AUTO_TEST_SUITE_END()
