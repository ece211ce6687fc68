// A net that ends no fused kernel as relu does, with squeeze and excitation, from training to
// tracked int8: fused and by primitives, float and with quantizers.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/results/result_reader.h"
#include "framework/h5/h5.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

constexpr const char* gated = R"(name: gated
input: [32, 32, 3]
nodes:
  - block: {name: conv1, channels: 8, stride: 2, activation: hard_swish}
  - separable: {name: sep2, channels: 8, stride: 2, activation: {name: leaky_relu, slope: 0.2}}
  - global_average_pool: {name: squeeze}
  - dense: {name: reduce, units: 4}
  - relu: {name: reduced}
  - dense: {name: expand, units: 8}
  - sigmoid: {name: gate}
  - multiply: {name: excited, inputs: [sep2, gate]}
  - global_average_pool: {name: pool}
  - dense: {name: logits, units: 10}
)";

struct GatedNet : Workplace {
  GatedNet() {
    write("gated.yaml", gated);
    std::string tiny = tiny_yaml();
    const std::string dws = "{file: networks/dws.yaml, width: 0.125}";
    write("tiny.yaml", tiny.replace(tiny.find(dws), dws.size(), "{file: gated.yaml}"));
  }
  ResultReader run_once(const std::string& output, std::vector<std::string> more) const {
    for (const char* argument : {"--set", "train.epochs=1"}) more.emplace_back(argument);
    const Outcome outcome = run_tiny(output, more);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return ResultReader(path / output / "result.h5");
  }
  std::string refusal(const std::string& set) const {
    const Outcome outcome = run({"validate", "tiny.yaml", "--set", set});
    BOOST_TEST(outcome.exit_code == 2);
    return outcome.err;
  }
};

double value(const ResultReader& result, const std::string& variant, const std::string& name) {
  return result.row("networkwise/" + name, result.last(variant)).at(0);
}

/// layerwise/output/<name> of a unit.
double of_output(const ResultReader& result, const std::string& variant, const std::string& unit,
                 const std::string& name) {
  const std::vector<std::string> layers = result.file().dataset("layer").read_texts();
  const auto at = std::ranges::find(layers, unit) - layers.begin();
  return result.row("layerwise/output/" + name, result.last(variant)).at(static_cast<size_t>(at));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gated_net_test, GatedNet)

BOOST_AUTO_TEST_CASE(it_trains_and_is_folded_quantized_and_tracked_fused_or_not) {
  const std::vector<std::string> slow{"--set", "train.schedule.learning_rate=1e-3"};
  std::vector<std::string> unfused = slow;
  unfused.emplace_back("--no-fuse");
  const ResultReader fused = run_once("fused", slow), plain = run_once("plain", unfused);
  for (const ResultReader* result : {&fused, &plain})
    for (const char* variant : {"float32", "int8"}) {
      BOOST_TEST(of_output(*result, variant, "excited", "count") == 32 * 8 * 8 * 8);
      BOOST_TEST(of_output(*result, variant, "conv1", "min") > -0.4);
      BOOST_TEST(of_output(*result, variant, "conv1", "min") < 0);
      BOOST_TEST(of_output(*result, variant, "expand", "min") > 0);
      BOOST_TEST(of_output(*result, variant, "expand", "max") < 1);
      BOOST_TEST(of_output(*result, variant, "sep2_pw", "min") < 0);
    }
  const double loss = value(fused, "float32", "cross_entropy");
  BOOST_TEST(std::abs(value(plain, "float32", "cross_entropy") - loss) < 1e-3 * loss);
  BOOST_TEST(value(fused, "int8", "logits_sqnr") > 12);
  BOOST_TEST(value(fused, "int4", "logits_sqnr") < value(fused, "int8", "logits_sqnr"));
  const h5::Group quantization = fused.file().group("quantization/int8");
  for (const char* unit : {"conv1", "sep2_pw", "expand", "excited"})
    BOOST_TEST(quantization.group(unit).group("output").integer("bit_width") == 8, unit);
}

BOOST_AUTO_TEST_CASE(it_trains_with_quantizers_and_norms_folded) {
  for (const char* how : {"folding: batch", "folding: running, weights: lsq, activations: lsq",
                          "folding: batch, activations: pact"}) {
    const ResultReader result = run_once(
        "quantized",
        {"--force", "--set", fmt::format("train.quantization={{variant: int4, {}}}", how)});
    BOOST_TEST(value(result, "int4", "logits_sqnr") > 0, how);
  }
}

BOOST_AUTO_TEST_CASE(what_it_cannot_have_is_refused_with_the_node) {
  BOOST_TEST(contains(refusal("variants.0.repairs={equalize: {}}"),
                      "'conv1.activation' (hard_swish) follows 'conv1'"));
  BOOST_TEST(contains(refusal("variants.0.repairs={correct_bias: {method: analytic}}"),
                      "'conv1.activation' (hard_swish) is not a clip"));
  std::string tiny = text_of(path / "tiny.yaml");
  const std::string calibration = "    calibration: {images: 64}\n";
  write("tiny.yaml", tiny.replace(tiny.find(calibration), calibration.size(),
                                  calibration + "    bias: int32\n"));
  BOOST_TEST(contains(refusal("variants.0.integer_check={images: 8}"),
                      "'conv1' has no form in integers: 'conv1.activation' (hard_swish)"));
}

BOOST_AUTO_TEST_SUITE_END()
