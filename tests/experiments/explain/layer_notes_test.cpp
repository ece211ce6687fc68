// Figures by layer in exported files: node data of Model Explorer, texts in ONNX nodes.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/explain/layer_notes.h"
#include "tests/experiments/onnx/model_file.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Exported : Workplace {
  Exported() { BOOST_REQUIRE(run_tiny("out", {"--set", "train.epochs=1"}).exit_code == 0); }
  Outcome exported(std::vector<std::string> more) const {
    more.insert(more.begin(), {"export", "out"});
    return run(more);
  }
  nlohmann::json node_data(const std::string& key) const {
    return nlohmann::json::parse(text_of(path / "data" / (key + ".json")));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(layer_notes_test, Exported)

BOOST_AUTO_TEST_CASE(node_data_has_the_numbers_of_the_file) {
  const Outcome outcome =
      exported({"--format", "model-explorer", "--output", "data", "--variant", "int4"});
  BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.out, "written: data: 8 figures of 14 layers, int4 at epoch 1\n"));
  BOOST_TEST(contains(outcome.out, "--node_data_paths=data/folded_weight_range.json,"));
  const ResultReader result(path / "out/result.h5");
  const SnapshotLabel &as_trained = result.last(), &int4 = result.last("int4");
  std::vector<std::string> keys;
  for (const LayerNote& note : layer_notes(result, int4)) keys.push_back(note.key);
  BOOST_TEST(keys == layer_note_keys(), boost::test_tools::per_element());
  const std::vector<NodeRow> layers = result.network();
  const auto expect = [&](const std::string& key, const std::vector<double>& values) {
    const nlohmann::json results = node_data(key)["results"];
    for (size_t i = 0; i < layers.size(); ++i) {
      BOOST_TEST(results.contains(layers[i].name) == std::isfinite(values[i]), key << ' ' << i);
      if (std::isfinite(values[i]))
        BOOST_TEST(results[layers[i].name]["value"] == values[i], key << ' ' << i);
    }
  };
  expect("accumulated_sqnr", result.row("layerwise/output/accumulated_sqnr", int4));
  expect("folded_weight_precision",
         result.row("layerwise/folded_weight/average_channel_precision", as_trained));
  std::vector<double> ranges = result.row("layerwise/output/max", as_trained);
  const std::vector<double> low = result.row("layerwise/output/min", as_trained);
  for (size_t i = 0; i < ranges.size(); ++i) ranges[i] -= low[i];
  expect("output_range", ranges);
  double shares = 0;
  const nlohmann::json costs = node_data("error_share");
  for (const auto& layer : costs["results"]) shares += layer["value"].get<double>();
  BOOST_TEST(shares == 1, boost::test_tools::tolerance(1e-9));
  const nlohmann::json sqnr = node_data("local_sqnr");
  BOOST_TEST(sqnr["name"] == "local SQNR, int4 (dB)");
  BOOST_TEST(sqnr["gradient"][0]["bgColor"] == "#d55e00");  // of the lowest value
  BOOST_TEST(costs["gradient"][1]["bgColor"] == "#d55e00");
}

BOOST_AUTO_TEST_CASE(nodes_of_a_model_say_what_they_cost) {
  BOOST_REQUIRE(exported({"--output", "net.onnx"}).exit_code == 0);
  const ModelFile net(path / "net.onnx");
  const std::string& text = net.node("sep3_dw").doc_string();
  BOOST_TEST(text.starts_with("depthwise\nrange of the weights, folded: "), text);
  BOOST_TEST(contains(text, "\nshare of the logits' error, int4: "), text);  // int4 loses most
  BOOST_REQUIRE(exported({"--output", "int8.onnx", "--variant", "int8"}).exit_code == 0);
  BOOST_TEST(contains(ModelFile(path / "int8.onnx").node("sep3_dw").doc_string(),
                      "\naccumulated SQNR, int8 (dB): "));
}

BOOST_AUTO_TEST_CASE(without_variants_the_net_in_float_is_described) {
  BOOST_REQUIRE(run_tiny("bare", {"--set", "variants=[]", "--set", "train.epochs=0"}).exit_code ==
                0);
  const Outcome outcome = run({"export", "bare", "--format", "model-explorer", "--output", "data"});
  BOOST_TEST(contains(outcome.out, "written: data: 5 figures of 14 layers, float32 at epoch 0\n"),
             outcome.out);
  BOOST_TEST(contains(run({"export", "bare", "--format", "model-explorer", "--output", "data"}).err,
                      "--output data: is there already"));
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_made_is_named) {
  const Outcome outcome =
      exported({"--format", "model-explorer", "--output", "out/result.h5/data"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(contains(outcome.err, "out/result.h5/data: cannot be made: Not a directory"),
             outcome.err);
}

BOOST_AUTO_TEST_SUITE_END()
