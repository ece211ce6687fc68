// Keras models read: what each layer becomes, in values computed by hand.
#include "experiments/method/quantized_twin.h"
#include "tests/experiments/keras/fixture.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

using Values = std::vector<float>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keras_import_test, KerasFolder)

BOOST_AUTO_TEST_CASE(convolution_norm_and_activation_are_one_unit) {
  KerasFixture model = doubling();
  model.add("BatchNormalization", "bn", R"("axis": [3], "epsilon": 0.75, "momentum": 0.99)")
      .array("gamma", {1}, {3})
      .array("beta", {1}, {-4})
      .array("moving_mean", {1}, {1})
      .array("moving_variance", {1}, {0.25f})
      .add("Activation", "act", R"("activation": "relu")")
      .add("Flatten", "flat");
  // relu(3 (2 x + 1 - 1) / sqrt(0.25 + 0.75) - 4)
  BOOST_TEST(result(model, {0, 1, 2, -1}) == (Values{0, 2, 8, 0}));
  const Network network = import(model);
  BOOST_TEST(network.units().size() == 3u);  // input, conv2d, flat
  BOOST_TEST(network.units()[1].name == "conv2d");
  BOOST_TEST(network.units()[1].norm == 2);
  BOOST_TEST(network.units()[1].activation == 3);
  BOOST_TEST(network.layer(2)->channel_affine()->momentum == 0.01);  // the batch's share
  check_foldable(network);
}

BOOST_AUTO_TEST_CASE(a_norm_without_scale_or_center_has_ones_or_zeros) {
  KerasFixture model;
  model.add("Flatten", "flat")
      .add("Dense", "dense", R"("units": 1, "use_bias": false)")
      .array("kernel", {4, 1}, {1, 1, 1, 1})
      .add("BatchNormalization", "bn",
           R"("axis": -1, "epsilon": 0, "scale": false, "center": false)")
      .array("moving_mean", {1}, {2})
      .array("moving_variance", {1}, {4});
  BOOST_TEST(result(model, {1, 2, 3, 4}) == Values{4});  // (10 - 2) / 2
}

BOOST_AUTO_TEST_CASE(a_boolean_may_be_one_or_zero_as_in_keras) {
  KerasFixture model;
  model.add("Flatten", "flat")
      .add("Dense", "dense", R"("units": 1, "use_bias": 0)")
      .array("kernel", {4, 1}, {1, 1, 1, 1})
      .add("BatchNormalization", "bn", R"("axis": -1, "epsilon": 0, "scale": 1, "center": 0)")
      .array("gamma", {1}, {3})
      .array("moving_mean", {1}, {2})
      .array("moving_variance", {1}, {4});
  BOOST_TEST(result(model, {1, 2, 3, 4}) == Values{12});  // 3 (10 - 2) / 2
}

BOOST_AUTO_TEST_CASE(a_depthwise_convolution_has_one_filter_a_channel) {
  KerasFixture model("1, 2, 2");
  model.add("DepthwiseConv2D", "dw", R"("kernel_size": [1, 2], "padding": "valid")")
      .array("depthwise_kernel", {1, 2, 2, 1}, {1, 10, 2, 20})
      .array("bias", {2}, {0.5f, -0.5f})
      .add("Flatten", "flat");
  // channel 0: 1 * 1 + 2 * 3, channel 1: 10 * 2 + 20 * 4
  BOOST_TEST(result(model, {1, 2, 3, 4}) == (Values{7.5f, 99.5f}));
  BOOST_TEST(import(model).units()[1].kind == "depthwise");
}

BOOST_AUTO_TEST_CASE(a_separable_convolution_is_two_units) {
  KerasFixture model("1, 1, 2");
  model
      .add("SeparableConv2D", "sep",
           R"("filters": 1, "kernel_size": [1, 1], "activation": "relu6")")
      .array("depthwise_kernel", {1, 1, 2, 1}, {1, 2})
      .array("pointwise_kernel", {1, 1, 2, 1}, {3, 4})
      .array("bias", {1}, {-20})
      .add("Flatten", "flat");
  BOOST_TEST(result(model, {1, 2}) == Values{0});  // 3 + 16 - 20
  BOOST_TEST(result(model, {1, 3}) == Values{6});  // 3 + 24 - 20, over 6
  BOOST_TEST(import(model).units()[1].name == "sep_dw");
  BOOST_TEST(import(model).units()[2].name == "sep_pw");
}

BOOST_AUTO_TEST_CASE(padding_is_that_of_tensorflow) {
  const auto sums = [&](const std::string& padding) {
    KerasFixture model("2, 2, 1");
    model
        .add(
            "Conv2D", "conv2d",
            R"("filters": 1, "kernel_size": 2, "strides": [1, 1], "use_bias": false, "padding": ")" +
                padding + "\"")
        .array("kernel", {2, 2, 1, 1}, {1, 1, 1, 1})
        .add("Flatten", "flat");
    return result(model, {1, 2, 3, 4});
  };
  BOOST_TEST(sums("valid") == Values{10});
  BOOST_TEST(sums("same") == (Values{10, 6, 7, 4}));  // the odd zero comes after
}

BOOST_AUTO_TEST_CASE(zero_padding_goes_into_the_window_after_it) {
  const auto padded = [&](const std::string& class_name, const std::string& config,
                          bool has_relu = true) {
    KerasFixture model;
    if (has_relu) model.add("ReLU", "relu");
    model.add("ZeroPadding2D", "pad", R"("padding": [[0, 1], [1, 0]])")
        .add(class_name, "w", config);
    if (class_name == "Conv2D") model.array("kernel", {2, 2, 1, 1}, {1, 1, 1, 1});
    return model.add("Flatten", "flat");
  };
  const std::string sum = R"("filters": 1, "kernel_size": [2, 2], "use_bias": false)";
  const std::string pool = R"("pool_size": [2, 2], "strides": [1, 1])";
  const Values x = {1, 2, 3, 4};
  BOOST_TEST(result(padded("Conv2D", sum), x) == (Values{4, 10, 3, 7}));
  BOOST_TEST(result(padded("AveragePooling2D", pool), x) == (Values{1, 2.5f, 0.75f, 1.75f}));
  BOOST_TEST(result(padded("MaxPooling2D", pool), x) == (Values{3, 4, 3, 4}));
  BOOST_TEST(contains(refusal(padded("MaxPooling2D", pool, false)),
                      "layer 'w' (MaxPooling2D): reads the ZeroPadding2D layer 'pad'; accepted "));
  BOOST_TEST(contains(refusal(padded("Conv2D", sum + R"(, "padding": "same")")),
                      "layer 'w' (Conv2D): reads the ZeroPadding2D layer 'pad'; accepted "));
  BOOST_TEST(contains(refusal(padded("Activation", R"("activation": "relu")")),
                      "layer 'w' (Activation): reads the ZeroPadding2D layer 'pad'; accepted "));
  BOOST_TEST(contains(
      refusal(KerasFixture().add("ZeroPadding2D", "pad", R"("padding": [[1, 1], [1, 1]])")),
      "the model ends with the ZeroPadding2D layer 'pad'"));
}

BOOST_AUTO_TEST_CASE(pools_leave_padding_out) {
  const std::string same = R"("pool_size": [2, 2], "strides": [2, 2], "padding": "same")";
  const KerasFixture average =
      KerasFixture("3, 1, 1").add("AveragePooling2D", "p", same).add("Flatten", "f");
  const KerasFixture maximum =
      KerasFixture("3, 1, 1").add("MaxPooling2D", "p", same).add("Flatten", "f");
  BOOST_TEST(result(average, {1, 2, 6}) == (Values{1.5f, 6}));
  BOOST_TEST(result(maximum, {-1, -2, -6}) == (Values{-1, -6}));
}

BOOST_AUTO_TEST_CASE(a_global_average_may_keep_its_axes) {
  const KerasFixture plain = KerasFixture().add("GlobalAveragePooling2D", "p");
  KerasFixture kept;
  kept.add("GlobalAveragePooling2D", "p", R"("keepdims": true)")
      .add("Conv2D", "c", R"("filters": 2, "kernel_size": 1, "use_bias": false)")
      .array("kernel", {1, 1, 1, 2}, {1, -1})
      .add("Reshape", "r", R"("target_shape": [2])");
  BOOST_TEST(result(plain, {1, 2, 3, 6}) == Values{3});
  BOOST_TEST(result(kept, {1, 2, 3, 6}) == (Values{3, -3}));
}

BOOST_AUTO_TEST_CASE(branches_meet_in_an_add) {
  KerasFixture model = doubling();
  model.add("ReLU", "r", R"("max_value": null)", {"input_1"})
      .add("Add", "add", "", {"conv2d", "r", "input_1"})
      .add("Flatten", "flat");
  BOOST_TEST(result(model, {0, 1, -1, 2}) == (Values{1, 5, -2, 9}));
}

BOOST_AUTO_TEST_CASE(a_leaky_relu_has_its_slope_by_any_of_its_names) {
  const auto leaky = [&](const std::string& class_name, const std::string& config) {
    return result(KerasFixture().add(class_name, "l", config).add("Flatten", "f"), {1, -1, 0, -4});
  };
  BOOST_TEST(leaky("LeakyReLU", R"("alpha": 0.25)") == (Values{1, -0.25f, 0, -1}));
  BOOST_TEST(leaky("LeakyReLU", R"("negative_slope": 0.5)") == (Values{1, -0.5f, 0, -2}));
  BOOST_TEST(leaky("LeakyReLU", "") == (Values{1, -0.3f, 0, -1.2f}));
  BOOST_TEST(leaky("LeakyReLU", R"("alpha": 0)") == (Values{1, 0, 0, 0}));
  BOOST_TEST(leaky("ReLU", R"("negative_slope": 0.5)") == (Values{1, -0.5f, 0, -2}));
  BOOST_TEST(leaky("Activation", R"("activation": "leaky_relu")") == (Values{1, -0.2f, 0, -0.8f}));
  BOOST_TEST(leaky("Activation", R"("activation": "hard_silu")")[3] == 0);
}

BOOST_AUTO_TEST_CASE(a_gate_multiplies_channels) {
  KerasFixture model("2, 1, 2");
  model.add("GlobalAveragePooling2D", "mean")
      .add("Activation", "gate", R"("activation": "sigmoid")")
      .add("Multiply", "product", "", {"input_1", "gate"})
      .add("Flatten", "flat");
  BOOST_TEST(result(model, {1, 8, -1, -8}) == (Values{0.5f, 4, -0.5f, -4}));  // sigmoid(0)
  model = KerasFixture("2, 1, 2");
  model.add("Multiply", "product", "", {"input_1", "input_1", "input_1"}).add("Flatten", "flat");
  BOOST_TEST(contains(refusal(model), "multiply: found 3 inputs, expected two"));
}

BOOST_AUTO_TEST_CASE(layers_may_come_in_any_order) {
  const std::string late = R"({"class_name": "ReLU", "config": {"name": "late"}, "name": "late",
      "inbound_nodes": [[["input_1", 0, 0, {}]]]})";
  KerasFixture model;
  model.add("Add", "add", "", {"late", "input_1"}).add_json("late", late);
  std::string config = model.model_config();
  const std::string end = R"([["late", 0, 0]]})";
  config.replace(config.find(end), end.size(), R"([["add", 0, 0]]})");
  const Network network = import_keras(model.write(file, config));
  BOOST_TEST(network.last_name() == "add");
}

BOOST_AUTO_TEST_CASE(what_computes_nothing_becomes_no_node) {
  KerasFixture model = doubling();
  model.add("Dropout", "drop", R"("rate": 0.5)")
      .add("Activation", "lin", R"("activation": "linear")")
      .add("Flatten", "flat")
      .add("Reshape", "same", R"("target_shape": [4])")
      .add("Softmax", "softmax", R"("axis": -1)");
  BOOST_TEST(result(model, {0, 1, 2, 3}) == (Values{1, 3, 5, 7}));
  BOOST_TEST(import(model).nodes().size() == 3u);
}

BOOST_AUTO_TEST_CASE(an_activation_may_stand_in_a_layer_as_a_name_or_as_keras_3_writes_functions) {
  const auto activated = [&](const std::string& activation) {
    KerasFixture model;
    model.add("Flatten", "f")
        .add("Dense", "d", R"("units": 1, "use_bias": false, "activation": )" + activation)
        .array("kernel", {4, 1}, {1, 1, 1, 1})
        .add("Flatten", "end");
    return model;
  };
  const Values large = {1, 2, 3, 4};
  BOOST_TEST(result(activated(R"("relu")"), large) == Values{10});
  BOOST_TEST(result(activated(R"({"class_name": "function", "config": "relu6"})"), large) ==
             Values{6});
  BOOST_TEST(contains(
      refusal(activated(R"("elu")")),
      "layer 'd' (Dense): activation: 'elu' is not supported; accepted: linear, hard_silu, "
      "hard_swish, leaky_relu, relu, relu6, sigmoid, and softmax at the model's end"));
  BOOST_TEST(contains(refusal(activated(R"("softmax")")),
                      "layer 'd' (Dense): activation: softmax inside the model; accepted: at its"));
}

BOOST_AUTO_TEST_CASE(names_become_those_of_nodes) {
  KerasFixture model;
  model.add("ReLU", "block/relu.1 a").add("ReLU", "block_relu_1_a").add("ReLU", "input");
  model.add("ReLU", "größer").add("Flatten", "flat");
  const Network network = import(model);
  std::vector<std::string> names;
  for (const auto& node : network.nodes()) names.push_back(node.name);
  BOOST_TEST(names == (std::vector<std::string>{"input", "block_relu_1_a", "block_relu_1_a_2",
                                                "input_2", "gr____er", "flat"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(keras_3_refers_to_tensors) {
  const auto tensor = [](const std::string& layer) {
    return R"({"class_name": "__keras_tensor__", "config": {"shape": [null, 2, 2, 1],
        "dtype": "float32", "keras_history": [")" +
           layer + R"(", 0, 0]}})";
  };
  const auto layer = [&](const std::string& class_name, const std::string& name,
                         const std::string& arguments) {
    return fmt::format(R"({{"module": "keras.layers", "class_name": "{}", "name": "{}",
        "config": {{"name": "{}", "dtype": {{"class_name": "DTypePolicy"}}}},
        "inbound_nodes": [{{"args": [{}], "kwargs": {{"mask": null}}}}]}})",
                       class_name, name, name, arguments);
  };
  KerasFixture model;
  model.add_json("relu", layer("ReLU", "relu", tensor("input_1")))
      .add_json("add",
                layer("Add", "add", fmt::format("[{}, {}]", tensor("relu"), tensor("input_1"))))
      .add_json("flat", layer("Flatten", "flat", tensor("add")));
  std::string config = model.model_config();
  const std::string old_end = R"([["flat", 0, 0]])", old_shape = "batch_input_shape";
  config.replace(config.find(old_end), old_end.size(), R"(["flat", 0, 0])");
  config.replace(config.find(old_shape), old_shape.size(), "batch_shape");
  const Network network = import_keras(model.write(file, config));
  const Values x = {1, -2, 3, -4};
  const Tensor<float> y = logits_of(network, {x.data(), Shape{1, 2, 2, 1}});
  BOOST_TEST((Values{y.values().begin(), y.values().end()}) == (Values{2, -2, 6, -4}));
}

BOOST_AUTO_TEST_CASE(a_sequential_model_is_a_chain) {
  const std::string relu = R"({"class_name": "ReLU", "config": {"name": "relu"}})";
  const std::string flat = R"({"class_name": "Flatten", "config": {"name": "flat"}})";
  const std::string input =
      R"({"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 2, 2, 1]}})";
  const std::string shaped =
      R"({"class_name": "ReLU", "config": {"name": "relu", "batch_input_shape": [null, 2, 2, 1]}})";
  const auto config = [](const std::string& layers) {
    return R"({"class_name": "Sequential", "config": {"name": "s", "layers": [)" + layers + "]}}";
  };
  for (const std::string& layers : {input + ", " + relu + ", " + flat, shaped + ", " + flat}) {
    const Network network = import_keras(KerasFixture().write(file, config(layers)));
    BOOST_TEST(network.nodes().size() == 3u);
    BOOST_TEST((network.output_shape() == Shape{4}));
  }
  BOOST_TEST(contains(refusal_of_config(config(relu + ", " + flat)),
                      "layer 'relu' (ReLU): the model's first layer has no input shape"));
}

BOOST_AUTO_TEST_SUITE_END()
