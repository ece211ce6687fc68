// The experiment that a result records, every default written out, is the same experiment again.
#include <boost/test/unit_test.hpp>

#include "experiments/explain/counterfactual.h"
#include "experiments/run/experiment.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Resolved : Workplace {
  /// Reads tiny.yaml with these settings, what that records, and what this records again.
  void expect_same(const std::vector<std::string>& sets) const {
    std::string what;
    for (const std::string& set : sets) what += set + "; ";
    try {
      const std::string first = Experiment::read(path / "tiny.yaml", sets).document.resolved_yaml();
      write("again.yaml", first);
      const std::string second = Experiment::read(path / "again.yaml", {}).document.resolved_yaml();
      BOOST_TEST(first == second, what);
    } catch (const Error& e) {
      BOOST_ERROR(what << ": " << e.what());
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(resolved_test, Resolved)

BOOST_AUTO_TEST_CASE(experiments_with_other_settings_read_back) {
  expect_same({});
  expect_same({"train={epochs: 0}"});
  expect_same(
      {"train.last_batch=keep", "train.schedule={name: step, learning_rate: 1e-3, epochs: [1]}"});
  expect_same({"train.optimizer={name: adam}", "train.label_smoothing=0.1"});
  expect_same({"train.quantization={variant: int8}"});
  expect_same({"train.quantization={variant: int8, activations: pact}"});
  expect_same({"track.epochs=[]", "track.gradients={}"});
  expect_same({"track.epochs=[0]", "track.statistics=[moments, histogram]"});
  expect_same({"track.tensors={nodes: [conv1], snapshots: last}"});
  expect_same({"compute={fuse: false, algorithm: direct}", "initializer={name: normal, std: 0.5}"});
  expect_same({"data.standardize={mode: given, mean: [0, 0, 0], deviation: [1, 1, 1]}"});
  expect_same({"sweep=[]", "variants=[]", "output=elsewhere"});
}

BOOST_AUTO_TEST_CASE(variants_read_back) {
  expect_same({"variants.0.repairs={equalize: {}, correct_bias: {}}"});
  expect_same({"variants.0.repairs={dead_channels: {}, absorb: {}, adaround: {}}"});
  expect_same({"variants.0.repairs={recalibrate: true}"});
  expect_same({"variants.0.bias=int32", "variants.0.integer_check={images: 8}"});
  expect_same({"variants.0.sensitivity={images: 8}"});
  expect_same(
      {"variants.0.overrides=[{nodes: [first, last], bit_width: 4}, {kinds: depthwise, "
       "weights: {quantizer: {granularity: per_channel}}}]"});
  expect_same({"variants.0.bit_widths=[8, 4]"});
  expect_same({"variants.0.fold=false"});
  expect_same({"variants.0.activations={places: {input: false}}"});
  expect_same({"variants.0.weights={quantizer: {name: ternary}}"});
}

BOOST_AUTO_TEST_CASE(names_that_yaml_reads_otherwise_read_back) {
  for (const std::string name : {"yes", "'null'", "'1e3'", "'007'", "'a: b #c'", "\"it's\"", "'~'"})
    expect_same({"name=" + name, "variants.0.name=" + name});
}

BOOST_AUTO_TEST_CASE(a_result_says_where_relative_paths_start) {
  fs::create_directories(path / "elsewhere");
  const Outcome outcome = Child(path / "elsewhere", {"run", "../tiny.yaml", "--quiet", "--output",
                                                     "out", "--set", "train.epochs=0"})
                              .wait();
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  fs::rename(path / "elsewhere/out", path / "moved");
  BOOST_TEST(folder_of_experiment(ResultReader(path / "moved/result.h5")) == fs::canonical(path));
}

BOOST_AUTO_TEST_SUITE_END()
