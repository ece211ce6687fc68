// Keras models refused: each message says what, where and what is accepted.
#include <cmath>
#include <fstream>

#include "experiments/method/quantized_twin.h"
#include "tests/experiments/keras/fixture.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

/// A model of one layer, with what it says about itself.
KerasFixture one(const std::string& class_name, const std::string& config) {
  return KerasFixture("4, 4, 2").add(class_name, "layer", config);
}

using Values = std::vector<float>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keras_refusal_test, KerasFolder)

BOOST_AUTO_TEST_CASE(a_layer_that_is_not_supported_is_named_with_its_class_and_what_is) {
  BOOST_TEST(
      refusal(one("Conv3D", "")) ==
      "layer 'layer' (Conv3D): this class of layer is not supported; accepted: Activation, "
      "Add, AveragePooling2D, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Dropout, "
      "Flatten, GlobalAveragePooling2D, InputLayer, LeakyReLU, MaxPooling2D, Multiply, ReLU, "
      "Reshape, SeparableConv2D, Softmax, ZeroPadding2D");
}

BOOST_AUTO_TEST_CASE(options_that_are_not_supported_are_named) {
  const std::vector<std::pair<KerasFixture, std::string>> cases = {
      {one("Conv2D", unit_conv + R"(, "dilation_rate": [2, 2])"),
       "dilation_rate: found 2; accepted: 1"},
      {one("Conv2D", unit_conv + R"(, "data_format": "channels_first")"),
       "data_format: unknown value 'channels_first'; accepted: channels_last"},
      {one("Conv2D", unit_conv + R"(, "padding": "causal")"),
       "padding: unknown value 'causal'; accepted: valid, same"},
      {one("Conv2D", unit_conv + R"(, "groups": 3)"), "3 groups do not divide 2 input channels"},
      {one("Conv2D", R"("filters": 1)"), "kernel_size: missing"},
      {one("Conv2D", R"("kernel_size": [3, 3], "filters": "many")"),
       "filters: expected a whole number at least 1, found the quoted text 'many'"},
      {one("DepthwiseConv2D", R"("kernel_size": [3, 3], "depth_multiplier": 2)"),
       "depth_multiplier: found 2; accepted: 1"},
      {one("BatchNormalization", R"("axis": 1)"),
       "axis: found [1]; accepted: the last one, -1 or 3"},
      {one("BatchNormalization", R"("scale": 2)"), "scale: expected true or false, found '2'"},
      {one("BatchNormalization", R"("scale": 1.0)"), "scale: expected true or false, found '1.0'"},
      {one("BatchNormalization", R"("center": "1")"),
       "center: expected true or false, found the quoted text '1'"},
      {one("ReLU", R"("max_value": 1.0)"), "max_value: found 1; accepted: none, or 6"},
      {one("ReLU", R"("negative_slope": 0.1, "max_value": 6)"),
       "negative_slope: found 0.1 beside max_value; accepted: 0"},
      {one("ReLU", R"("negative_slope": 2)"), "negative_slope: found 2; accepted: from 0 to 1"},
      {one("LeakyReLU", R"("alpha": -1)"), "alpha: found -1; accepted: from 0 to 1"},
      {one("Activation", R"("activation": "sigmoid")"),
       "activation: sigmoid at the model's end, whose outputs must be logits; accepted: inside it"},
      {one("ReLU", R"("threshold": 1)"), "threshold: found 1; accepted: 0"},
      {one("Reshape", R"("target_shape": [2, 16])"),
       "target_shape: found [2, 16] of [4, 4, 2]; accepted: [32], what Flatten does"},
      {one("ZeroPadding2D", R"("padding": [1, 1])"),
       "padding: accepted: [[top, bottom], [left, right]]"},
      {one("Dense", R"("units": 3)"), "dense: found an input of shape [4, 4, 2]"},
  };
  for (const auto& [model, message] : cases) {
    const std::string found = refusal(model);
    BOOST_TEST(found.starts_with("layer 'layer' ("), found);
    BOOST_TEST(contains(found, message), found << " does not hold: " << message);
  }
}

BOOST_AUTO_TEST_CASE(graphs_that_are_no_net_are_refused) {
  KerasFixture shared;
  shared.add("ReLU", "a").add_json("b", R"({"class_name": "ReLU", "config": {"name": "b"},
      "name": "b", "inbound_nodes": [[["a", 0, 0, {}]], [["input_1", 0, 0, {}]]]})");
  BOOST_TEST(
      contains(refusal(shared), "layer 'b' (ReLU): is called 2 times; accepted: layers that"));
  KerasFixture second;
  second.add("ReLU", "a").add_json("b", R"({"class_name": "ReLU", "config": {"name": "b"},
      "name": "b", "inbound_nodes": [[["a", 1, 0, {}]]]})");
  BOOST_TEST(
      contains(refusal(second), "layer 'b' (ReLU): refers to call 1, result 0 of layer 'a'"));
  BOOST_TEST(contains(refusal(KerasFixture().add("ReLU", "a", "", {"nowhere"})),
                      "layer 'a' (ReLU): reads nowhere; one of them is not a layer of the model"));
  BOOST_TEST(contains(refusal(KerasFixture().add("ReLU", "a").add("ReLU", "a")),
                      "layer 'a' (ReLU): two layers have this name"));
  BOOST_TEST(contains(refusal(KerasFixture().add("ReLU", "a", "", {"input_1", "input_1"})),
                      "layer 'a' (ReLU): reads 2 layers; accepted: one"));
  BOOST_TEST(contains(refusal(KerasFixture().add("ReLU", "side").add("ReLU", "a", "", {"input_1"})),
                      "node 'side' is read by no other node"));
  BOOST_TEST(contains(refusal(KerasFixture("null, 2, 1").add("ReLU", "a")),
                      "layer 'input_1' (InputLayer): batch_input_shape: expected a whole number"));
  BOOST_TEST(
      contains(refusal(KerasFixture("4").add("ReLU", "a")),
               "batch_input_shape: found 2 sizes; accepted: [batch, height, width, channels]"));
  std::string config = KerasFixture().add("ReLU", "a").add("ReLU", "b").model_config();
  config.replace(config.find(R"([["b", 0, 0]])"), 13, R"([["a", 0, 0], ["b", 0, 0]])");
  BOOST_TEST(contains(refusal_of_config(config),
                      "output_layers: found 2; accepted: models with one input and one output"));
}

BOOST_AUTO_TEST_CASE(configurations_that_are_none_are_refused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"class_name": "Functional", "config": {"name": "m", "layers": [}})",
       "model_config: not valid JSON at byte "},
      {"", "model_config: not valid JSON at byte "},
      {"[1, 2]", "model_config: expected an object, found a list"},
      {"{}", "model_config: has no 'class_name'; expected a text"},
      {R"({"class_name": "Functional"})", "model_config: has no 'config'; expected an object"},
      {R"({"class_name": "Subclassed", "config": {}})",
       "model_config: a model of class Subclassed; accepted: Functional, Sequential"},
      {R"({"class_name": "Functional", "config": {"layers": 3, "input_layers": [["a", 0, 0]],
          "output_layers": [["b", 0, 0]]}})",
       "model_config: layers: expected a list, found '3'"},
      {R"({"class_name": "a", "class_name": "b"})",
       "model_config: the JSON text has the key 'class_name' twice in one object"},
      {std::string(100000, '['), "model_config: the JSON text is nested deeper than 100 levels"},
      {R"({"class_name": NaN})", "model_config: not valid JSON at byte 16, near"},
  };
  for (const auto& [config, message] : cases) {
    const std::string found = refusal_of_config(config);
    BOOST_TEST(found.starts_with(message), found << " is not: " << message);
    BOOST_TEST(found.size() < 200);
  }
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit_are_named) {
  const auto with = [](const std::string& name, std::vector<int64_t> sizes, Values values) {
    return KerasFixture("2, 2, 2")
        .add("Conv2D", "conv2d", unit_conv)
        .array(name, std::move(sizes), std::move(values));
  };
  BOOST_TEST(refusal(with("bias", {1}, {1})) ==
             "layer 'conv2d' (Conv2D): no weights called kernel; its weight_names are: "
             "conv2d/bias:0");
  BOOST_TEST(refusal(with("kernel", {1, 1, 1, 2}, {1, 2})) ==
             "layer 'conv2d' (Conv2D): kernel has the shape [1, 1, 1, 2], the layer needs "
             "[1, 1, 2, 1]");
  BOOST_TEST(refusal(with("kernel", {1, 1, 2, 1}, {1, NAN})) ==
             "layer 'conv2d' (Conv2D): kernel is nan at [0, 0, 1, 0]; accepted: finite values (in "
             "float32)");
  BOOST_TEST(contains(refusal(with("kernel", {1, 1, 2, 1}, {-INFINITY, 1})), "kernel is -inf at"));
}

BOOST_AUTO_TEST_CASE(files_without_a_part_of_a_model_say_which) {
  const auto refusal_of_file = [&](const std::function<void(h5::File&)>& fill) {
    h5::File made = h5::File::create(file);
    fill(made);
    made.commit();
    return without_file([&] { import_keras(file); });
  };
  const std::string config = doubling().model_config();
  BOOST_TEST(
      contains(refusal_of_file([](h5::File&) {}), "has no attribute model_config; accepted"));
  BOOST_TEST(contains(refusal_of_file([](h5::File& f) { f.set("layer_names", "a"); }),
                      "has no attribute model_config: it holds only weights"));
  BOOST_TEST(contains(refusal_of_file([](h5::File& f) { f.set("schema", 1); }),
                      "is a result of quantdyn; accepted: a Keras model"));
  BOOST_TEST(contains(refusal_of_file([](h5::File& f) { f.set("model_config", 3); }),
                      "attribute model_config: expected one text"));
  BOOST_TEST(contains(refusal_of_file([&](h5::File& f) { f.set("model_config", config); }),
                      "has no group 'model_weights'"));
  BOOST_TEST(contains(refusal_of_file([&](h5::File& f) {
                        f.set("model_config", config);
                        f.make_group("model_weights");
                      }),
                      "layer 'conv2d' (Conv2D): the file has no group of its weights"));
  BOOST_TEST(contains(refusal_of_file([&](h5::File& f) {
                        f.set("model_config", config);
                        const std::vector<std::string> names = {"conv2d/kernel:0"};
                        f.make_group("model_weights/conv2d").set("weight_names", names);
                      }),
                      "the array 'conv2d/kernel:0', which its weight_names list, is missing"));
  BOOST_TEST(contains(refusal_of_file([&](h5::File& f) {
                        f.set("model_config", config);
                        h5::Group g = f.make_group("model_weights/conv2d");
                        g.set("weight_names", "kernel");
                        g.write_texts("kernel", std::vector<std::string>{"a"});
                      }),
                      "kernel has the shape [1], the layer needs [1, 1, 1, 1]"));
}

BOOST_AUTO_TEST_CASE(lists_that_keras_cut_are_joined) {
  h5::File made = h5::File::create(file);
  made.set("model_config", doubling().add("Flatten", "flat").model_config());
  h5::Group group = made.make_group("model_weights/conv2d");
  group.set("weight_names0", std::vector<std::string>{"kernel:0"});
  group.set("weight_names1", std::vector<std::string>{"bias:0"});
  group.write<float>("kernel:0", std::vector<int64_t>{1, 1, 1, 1}, Values{2});
  group.write<float>("bias:0", std::vector<int64_t>{1}, Values{1});
  made.commit();
  BOOST_TEST(import_keras(file).output_shape().text() == "[4]");
}

BOOST_AUTO_TEST_CASE(files_that_are_not_hdf5_are_refused) {
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  };
  BOOST_TEST(is_keras_file(write("net.h5", "a: 1")));
  BOOST_TEST(is_keras_file(doubling().write(path / "unnamed")));
  BOOST_TEST(!is_keras_file(write("net.yaml", "a: 1")));
  BOOST_TEST(contains(error_of<ConfigError>([&] { import_keras(path / "net.h5"); }),
                      "net.h5: does not start like an HDF5 file; accepted: a Keras model in HDF5"));
  BOOST_TEST(contains(error_of<ConfigError>([&] { import_keras(write("net.keras", "PK")); }),
                      "(a .keras archive is a zip file); accepted"));
  BOOST_TEST(contains(error_of<ConfigError>([&] { import_keras(path / "missing.h5"); }),
                      "missing.h5: no such file"));
}

BOOST_AUTO_TEST_CASE(a_norm_that_cannot_be_folded_is_imported_and_refused_by_folding) {
  KerasFixture model;
  model.add("BatchNormalization", "bn", R"("axis": 3)");
  for (const char* array : {"gamma", "beta", "moving_mean", "moving_variance"})
    model.array(array, {1}, {1});
  const Network network = import(model);
  BOOST_TEST(contains(error_of<ConfigError>([&] { check_foldable(network); }),
                      "node 'bn': this batch norm cannot be folded"));
}

BOOST_AUTO_TEST_SUITE_END()
