// Keras models through the program: run, inspect, bench and export.
#include "tests/experiments/program.h"

#include <boost/test/unit_test.hpp>

#include "experiments/keras/import.h"
#include "experiments/run/network_file.h"
#include "framework/base/hash.h"
#include "tests/experiments/logits.h"
#include "tests/layers/plan_comparison.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

/// A trained result, the model that was exported from it, and an experiment on that model.
struct Exported : Workplace {
  fs::path result = path / "trained" / "result.h5", model = path / "model.h5";

  Exported() {
    BOOST_REQUIRE(
        run_tiny("trained", {"--set", "train.epochs=1", "--set", "variants=[]"}).exit_code == 0);
    BOOST_REQUIRE(run({"export", result.string(), "--output", "model.h5"}).exit_code == 0);
    std::string yaml = tiny_yaml();
    const std::string net = "networks/dws.yaml, width: 0.125", epochs = "epochs: 2";
    yaml.replace(yaml.find(net), net.size(), "model.h5");
    yaml.replace(yaml.find(epochs), epochs.size(), "epochs: 0");
    write("pretrained.yaml", yaml);
  }
  /// The result of a run of it without variants.
  fs::path run_pretrained(const std::string& output, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"run",  "pretrained.yaml", "--quiet",    "--output",
                                       output, "--set",           "variants=[]"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return path / output / "result.h5";
  }
  void expect_usage_error(const std::vector<std::string>& arguments,
                          const std::string& message) const {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.exit_code == 2, message);
    BOOST_TEST(contains(outcome.err, message), outcome.err << " does not hold: " << message);
  }
};

double value(const fs::path& result, const std::string& metric, const std::string& variant) {
  const ResultReader reader(result);
  return reader.row("networkwise/" + metric, reader.last(variant)).at(0);
}

Network last_net(const fs::path& result) {
  const ResultReader reader(result);
  return network_of(reader, reader.last());
}

bool same_logits(const Network& a, const Network& b) {
  const Tensor<float> x = random_tensor(a.input_shape().batch_of(8), Rng(8));
  const Tensor<float> of_a = logits_of(a, x.view()), of_b = logits_of(b, x.view());
  return std::ranges::equal(of_a.values(), of_b.values());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keras_program_test, Exported)

BOOST_AUTO_TEST_CASE(an_imported_net_is_quantized_like_the_one_it_was_exported_from) {
  const std::string weights = "weights=" + result.string();
  BOOST_REQUIRE(run_tiny("own", {"--set", "train.epochs=0", "--set", weights}).exit_code == 0);
  BOOST_REQUIRE(run({"run", "pretrained.yaml", "--output", "imported"}).exit_code == 0);
  const fs::path imported = path / "imported" / "result.h5", own = path / "own" / "result.h5";
  for (const char* variant : {float_variant, "int8", "int4"})
    for (const char* metric : {"accuracy", "cross_entropy", "average_channel_precision"})
      BOOST_TEST(value(imported, metric, variant) == value(own, metric, variant),
                 metric << " of " << variant);
  for (const char* metric : {"logits_sqnr", "kl_divergence", "agreement"})
    BOOST_TEST(value(imported, metric, "int4") == value(own, metric, "int4"), metric);
  BOOST_TEST(ResultReader(imported).network()[1].name == "conv1");
}

BOOST_AUTO_TEST_CASE(a_result_of_an_imported_net_holds_all_of_it) {
  const fs::path imported = run_pretrained("imported");
  fs::remove(model);
  BOOST_TEST(same_logits(last_net(imported), last_net(result)));
  BOOST_REQUIRE(run({"export", imported.string(), "--output", "again.h5"}).exit_code == 0);
  BOOST_TEST(same_logits(import_keras(path / "again.h5"), last_net(result)));
}

BOOST_AUTO_TEST_CASE(a_result_names_the_model_by_its_sha256) {
  const ResultReader imported(run_pretrained("imported"));
  BOOST_TEST(imported.file().group("provenance").text("keras_sha256") == sha256_of_file(model));
  BOOST_TEST(!ResultReader(result).file().group("provenance").has_attribute("keras_sha256"));
}

BOOST_AUTO_TEST_CASE(training_goes_on_from_the_models_weights) {
  const fs::path tuned = run_pretrained("tuned", {"--set", "train.epochs=1"});
  const ResultReader reader(tuned);
  BOOST_TEST(same_logits(network_of(reader, reader.at_epoch(0)), last_net(result)));
  BOOST_TEST(!same_logits(network_of(reader, reader.at_epoch(1)), last_net(result)));
  // A result's weights come before the model's.
  const fs::path later = run_pretrained("later", {"--set", "weights=" + tuned.string()});
  BOOST_TEST(same_logits(last_net(later), last_net(tuned)));
}

BOOST_AUTO_TEST_CASE(parameters_of_a_model_are_refused) {
  expect_usage_error({"validate", "pretrained.yaml", "--set", "network.width=1"},
                     "model.h5 is a Keras model, which has no parameters; accepted: file");
}

BOOST_AUTO_TEST_CASE(a_model_is_known_by_its_content) {
  fs::rename(model, path / "model");
  BOOST_TEST(run({"validate", "pretrained.yaml", "--set", "network.file=model"}).exit_code == 0);
  expect_usage_error({"validate", "pretrained.yaml", "--set", "network.file=" + result.string()},
                     "is a result of quantdyn; accepted: a Keras model");
}

BOOST_AUTO_TEST_CASE(inspect_and_bench_take_models) {
  const Outcome inspected = run({"inspect", "model.h5"});
  BOOST_TEST(inspected.exit_code == 0, inspected.err);
  const Outcome of_result = run({"inspect", result.string()});
  BOOST_TEST(contains(of_result.out, "status"));
  for (const char* part : {"sep2_dw", "depthwise", "relu", "2,170 parameters"})
    BOOST_TEST(contains(inspected.out, part), part << " is not in " << inspected.out);
  const Outcome timed = run({"bench", "model.h5", "--mode", "infer", "--seconds", "0.05"});
  BOOST_TEST(contains(timed.out, "\"parameters\":2170"), timed.out << timed.err);
  const Outcome simulated =
      run({"bench", "model.h5", "--mode", "simulate", "--batch", "8", "--seconds", "0.05"});
  BOOST_TEST(simulated.exit_code == 0, simulated.err);
  BOOST_TEST(contains(simulated.out, "images_per_second"), simulated.out);
}

BOOST_AUTO_TEST_CASE(export_writes_the_epoch_asked_for) {
  const Outcome outcome = run({"export", result.string(), "--output", "first.h5", "--epoch", "0"});
  BOOST_TEST(outcome.out == "written: first.h5: 2170 parameters, float32 at epoch 0\n");
  const ResultReader reader(result);
  const Network first = import_keras(path / "first.h5");
  BOOST_TEST(same_logits(first, network_of(reader, reader.at_epoch(0))));
  BOOST_TEST(!same_logits(first, last_net(result)));
}

BOOST_AUTO_TEST_CASE(export_refuses_what_cannot_be) {
  const std::string from = result.string();
  expect_usage_error({"export", from}, "export: --output is missing; expected the name of a file");
  expect_usage_error(
      {"export", from, "--output", "model.keras"},
      "--output model.keras: accepted: a name that ends in .onnx, .h5 or .hdf5, or --format onnx");
  expect_usage_error({"export", from, "--output", "model.h5"},
                     "--output model.h5: is there already; accepted: another name, or --force");
  BOOST_TEST(run({"export", from, "--output", "model.h5", "--force"}).exit_code == 0);
  expect_usage_error({"export", from, "--output", from, "--force"}, ": is the result itself");
  expect_usage_error({"export", from, "--output", "a.h5", "--epoch", "7"},
                     "no snapshot for --variant float32 --epoch 7; there are: 0 (float32");
  const Outcome other = run({"export", "model.h5", "--output", "a.h5"});
  BOOST_TEST(contains(other.err, "model.h5: not a result of quantdyn"), other.err);
  BOOST_TEST(!fs::exists(path / "a.h5"));
}

BOOST_AUTO_TEST_SUITE_END()
