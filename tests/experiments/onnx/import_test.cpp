// ONNX models read: what each operator becomes, in values computed by hand.
#include "experiments/onnx/import.h"

#include <boost/test/unit_test.hpp>

#include "quant/folding/folding.h"
#include "tests/experiments/logits.h"
#include "tests/experiments/onnx/fixture.h"

namespace quantdyn::test {
namespace {

/// The net's output for one image [H,W,C].
Values result(OnnxFixture& model, const Values& image) {
  const Network network = import_bytes(model.bytes()).network;
  const Shape shape = network.input_shape().batch_of(1);
  BOOST_REQUIRE(shape.elements() == static_cast<int64_t>(image.size()));
  const Tensor<float> out = logits_of(network, {image.data(), shape});
  return {out.values().begin(), out.values().end()};
}

/// The kinds of a net's nodes after the input: "conv2d relu".
std::string kinds(OnnxFixture& model) {
  const Network network = import_bytes(model.bytes()).network;
  std::string out;
  for (size_t i = 1; i < network.nodes().size(); ++i)
    out += (i > 1 ? " " : "") + network.nodes()[i].kind;
  return out;
}

/// An image of one channel, ended by a Flatten, which keeps its order.
OnnxFixture flattened(OnnxFixture model) { return model.add("Flatten", "end"); }

}  // namespace

BOOST_AUTO_TEST_SUITE(onnx_import_test)

BOOST_AUTO_TEST_CASE(convolution_norm_and_clip_are_one_unit) {
  OnnxFixture model = doubling_onnx();
  model.floats("gamma", {1}, {3}).floats("beta", {1}, {-4}).floats("mean", {1}, {1});
  model.floats("variance", {1}, {0.25f}).floats("low", {}, {0}).floats("high", {}, {6});
  model.add("BatchNormalization", "bn", {"conv", "gamma", "beta", "mean", "variance"});
  model.set("epsilon", 0.75f).set("momentum", 0.99f);
  model.add("Clip", "clip", {"bn", "low", "high"});
  model = flattened(model);
  // 3 (2 x + 1 - 1) / sqrt(0.25 + 0.75) - 4, from 0 to 6
  BOOST_TEST(result(model, {0, 1, 1.5f, 2}) == (Values{0, 2, 5, 6}));
  const Network network = import_bytes(model.bytes()).network;
  BOOST_TEST(network.units().size() == 3u);  // input, conv, end
  BOOST_TEST(network.units()[1].name == "conv");
  BOOST_TEST(network.units()[1].norm == 2);
  BOOST_TEST(network.layer(2)->channel_affine()->momentum == 0.01);  // the batch's share
  check_foldable(network);
}

BOOST_AUTO_TEST_CASE(weights_are_laid_out_anew) {
  OnnxFixture model({1, 2, 1, 2});  // image (c0: 1 2, c1: 10 20) is 1 10 2 20 here
  model.floats("w", {2, 2, 1, 2}, {1, 0, 0, 1, 0, 1, 1, 0}).add("Conv", "c", {"x", "w"});
  model.add("Flatten", "end");
  BOOST_TEST(result(model, {1, 10, 2, 20}) == (Values{1 + 20, 2 + 10}));
  OnnxFixture grouped({1, 2, 1, 2});
  grouped.floats("w", {2, 1, 1, 2}, {1, 2, 3, 4}).add("Conv", "c", {"x", "w"});
  grouped.set("group", int64_t{2}).add("Flatten", "end");
  BOOST_TEST(result(grouped, {1, 10, 2, 20}) == (Values{1 + 4, 30 + 80}));
  BOOST_TEST(import_bytes(grouped.bytes()).network.units()[1].kind == "depthwise");
}

BOOST_AUTO_TEST_CASE(the_dense_layer_after_a_flattened_image_reads_it_in_our_order) {
  for (const std::string operation : {"Gemm", "MatMul"}) {
    OnnxFixture model({1, 2, 1, 2});
    model.add("Flatten", "flat");  // ONNX: c0 c0 c1 c1
    model.floats("w", {4, 1}, {1, 10, 100, 1000}).add(operation, "fc", {"flat", "w"});
    BOOST_TEST(result(model, {1, 3, 2, 4}) == Values{4321});  // pixels (1, 3) and (2, 4)
  }
  OnnxFixture transposed({1, 2, 1, 2});
  transposed.add("Flatten", "flat").floats("w", {1, 4}, {1, 10, 100, 1000});
  transposed.floats("b", {1}, {8}).add("Gemm", "fc", {"flat", "w", "b"});
  transposed.set("transB", int64_t{1}).set("alpha", 2.0f).set("beta", 0.5f);
  BOOST_TEST(result(transposed, {1, 3, 2, 4}) == Values{2 * 4321 + 4});
}

BOOST_AUTO_TEST_CASE(channels_last_inputs_and_transposes_between_are_no_nodes) {
  OnnxFixture model({1, 1, 2, 2});
  model.add("Transpose", "front").set("perm", Sizes{0, 3, 1, 2});
  model.floats("w", {2, 2, 1, 1}, {1, 0, 0, 2}).add("Conv", "c", {"front", "w"});
  model.add("Transpose", "back").set("perm", Sizes{0, 2, 3, 1}).add("Flatten", "flat");
  model.floats("m", {4, 1}, {1, 10, 100, 1000}).add("MatMul", "mm", {"flat", "m"});
  BOOST_TEST(result(model, {1, 2, 3, 4}) == Values{1 + 40 + 300 + 8000});
  BOOST_TEST(kinds(model) == "conv2d flatten dense");
}

BOOST_AUTO_TEST_CASE(constants_after_a_convolution_go_into_its_weight_and_bias) {
  OnnxFixture model = doubling_onnx();
  model.floats("s", {1, 1, 1}, {3}).floats("t", {1, 1, 1, 1}, {5});
  model.add("Mul", "scaled", {"conv", "s"}).add("Add", "shifted", {"t", "scaled"});
  model = flattened(model);
  BOOST_TEST(result(model, {0, 1, 2, 3}) == (Values{8, 14, 20, 26}));  // 3 (2 x + 1) + 5
  BOOST_TEST(kinds(model) == "conv2d flatten");
}

BOOST_AUTO_TEST_CASE(zeros_of_a_pad_go_into_the_window_after_it) {
  OnnxFixture model({1, 1, 1, 2});
  model.integers("pads", {8}, {0, 0, 0, 1, 0, 0, 0, 2}).add("Pad", "p", {"x", "pads"});
  model.floats("w", {1, 1, 1, 3}, {1, 10, 100}).add("Conv", "c", {"p", "w"}).add("Flatten", "end");
  BOOST_TEST(result(model, {1, 2}) == (Values{210, 21, 2}));
  OnnxFixture average({1, 1, 1, 2});
  average.integers("pads", {8}, {0, 0, 0, 1, 0, 0, 0, 1}).add("Pad", "p", {"x", "pads"});
  average.add("AveragePool", "a").set("kernel_shape", Sizes{1, 2}).add("Flatten", "end");
  BOOST_TEST(result(average, {2, 4}) == (Values{1, 3, 2}));  // counts the zeros
}

BOOST_AUTO_TEST_CASE(pools_have_onnx_defaults) {
  OnnxFixture model({1, 1, 1, 3});
  model.add("MaxPool", "m").set("kernel_shape", Sizes{1, 2}).add("Flatten", "end");
  BOOST_TEST(result(model, {3, 1, 2}) == (Values{3, 2}));  // stride 1
  OnnxFixture average({1, 1, 1, 2});
  average.add("AveragePool", "a").set("kernel_shape", Sizes{1, 2}).set("pads", Sizes{0, 1, 0, 1});
  average.add("Flatten", "end");
  BOOST_TEST(result(average, {2, 4}) == (Values{2, 3, 4}));  // does not count padding
}

BOOST_AUTO_TEST_CASE(same_lower_puts_the_odd_zero_before) {
  for (const bool lower : {false, true}) {
    OnnxFixture model({1, 1, 1, 2});
    model.floats("w", {1, 1, 1, 2}, {1, 10}).add("Conv", "c", {"x", "w"});
    model.set("auto_pad", std::string(lower ? "SAME_LOWER" : "SAME_UPPER")).add("Flatten", "end");
    BOOST_TEST(result(model, {1, 2}) == (lower ? Values{10, 21} : Values{21, 2}));
  }
}

BOOST_AUTO_TEST_CASE(hard_swish_is_found_in_each_of_its_forms) {
  const Values x{-4, -1, 1, 4}, y{0, -1.0f / 3, 2.0f / 3, 4};
  OnnxFixture own;
  own.add("HardSwish", "h");
  OnnxFixture gate;
  gate.add("HardSigmoid", "s").set("alpha", 1.0f / 6).add("Mul", "h", {"x", "s"});
  OnnxFixture clipped;
  clipped.floats("three", {}, {3}).floats("zero", {}, {0}).floats("six", {}, {6});
  clipped.add("Add", "a", {"x", "three"}).add("Clip", "c", {"a", "zero", "six"});
  clipped.add("Mul", "m", {"x", "c"}).add("Div", "h", {"m", "six"});
  for (OnnxFixture* model : {&own, &gate, &clipped}) {
    if (model == &own) model->model().mutable_opset_import(0)->set_version(14);
    model->add("Flatten", "end", {"h"});
    BOOST_TEST(kinds(*model) == "hard_swish flatten");
    const Values found = result(*model, x);
    for (size_t i = 0; i < 4; ++i) BOOST_TEST(std::abs(found[i] - y[i]) < 1e-6f);
  }
}

BOOST_AUTO_TEST_CASE(max_and_min_with_constants_are_one_clip) {
  OnnxFixture model({1, 2, 1, 1});  // channels limited to -1 ... 2 and 0 ... infinity
  model.floats("low", {2, 1, 1}, {-1, 0}).floats("high", {1, 2, 1, 1}, {2, INFINITY});
  model.add("Max", "m", {"x", "low"}).add("Min", "both", {"high", "m"}).add("Flatten", "end");
  BOOST_TEST(result(model, {-3, -3}) == (Values{-1, 0}));
  BOOST_TEST(result(model, {7, 7}) == (Values{2, 7}));
  BOOST_TEST(kinds(model) == "channel_clip flatten");
  BOOST_TEST(import_bytes(model.bytes()).network.nodes()[1].name == "both");
  OnnxFixture reversed({1, 1, 1, 2});
  reversed.floats("zero", {}, {0}).floats("six", {1}, {6});
  reversed.add("Min", "m", {"x", "six"}).add("Max", "both", {"m", "zero"}).add("Flatten", "end");
  BOOST_TEST(kinds(reversed) == "relu6 flatten");
  OnnxFixture alone({1, 1, 1, 2});
  alone.floats("zero", {}, {0}).add("Max", "m", {"zero", "x"}).add("Flatten", "end");
  BOOST_TEST(kinds(alone) == "relu flatten");
  OnnxFixture clip({1, 1, 1, 4});
  clip.floats("a", {}, {-1}).floats("b", {}, {1}).add("Clip", "c", {"x", "a", "b"});
  clip.add("Flatten", "end");
  BOOST_TEST(result(clip, {-3, -0.5f, 0.5f, 3}) == (Values{-1, -0.5f, 0.5f, 1}));
  BOOST_TEST(kinds(clip) == "channel_clip flatten");
}

BOOST_AUTO_TEST_CASE(a_sum_adds_all_that_it_reads) {
  OnnxFixture model({1, 1, 1, 2});
  model.add("Relu", "r").add("Sum", "s", {"x", "r", "x"}).add("Flatten", "end");
  BOOST_TEST(result(model, {-3, 1}) == (Values{-6, 3}));
  OnnxFixture one({1, 1, 1, 2});
  one.add("Sum", "s", {"x"}).add("Flatten", "end");
  BOOST_TEST(kinds(one) == "flatten");
}

BOOST_AUTO_TEST_CASE(concat_joins_channels) {
  OnnxFixture model({1, 1, 1, 2});
  model.add("Relu", "r").add("Concat", "both", {"x", "r"}).set("axis", int64_t{1});
  model.add("GlobalAveragePool", "mean").add("Flatten", "end");
  BOOST_TEST(result(model, {-3, 1}) == (Values{-1, 0.5f}));
  BOOST_TEST(kinds(model) == "relu concat global_average_pool");
}

BOOST_AUTO_TEST_CASE(a_mean_that_an_image_is_read_from_is_an_average_pool) {
  OnnxFixture model({1, 1, 1, 2});
  model.add("GlobalAveragePool", "mean").floats("w", {2, 1, 1, 1}, {1, 2});
  model.add("Conv", "head", {"mean", "w"}).add("Flatten", "end");
  BOOST_TEST(result(model, {1, 3}) == (Values{2, 4}));
  BOOST_TEST(kinds(model) == "average_pool conv2d flatten");
  OnnxFixture reduced({1, 1, 1, 2}, 18);
  reduced.integers("axes", {2}, {-1, 2}).add("ReduceMean", "mean", {"x", "axes"});
  reduced.set("keepdims", int64_t{0});
  BOOST_TEST(result(reduced, {1, 3}) == Values{2});
}

BOOST_AUTO_TEST_CASE(a_view_by_the_size_of_the_batch_is_computed) {
  OnnxFixture model({-1, 1, 1, 2});
  model.integers("zero", {}, {0}).integers("axis", {1}, {0}).integers("open", {1}, {-1});
  model.add("Shape", "s").add("Gather", "n", {"s", "zero"}).add("Unsqueeze", "n1", {"n", "axis"});
  model.add("Concat", "target", {"n1", "open"}).set("axis", int64_t{0});
  model.add("Reshape", "end", {"x", "target"});
  BOOST_TEST(result(model, {5, 7}) == (Values{5, 7}));
}

BOOST_AUTO_TEST_CASE(weights_may_be_constant_nodes_float16_or_raw) {
  OnnxFixture model({1, 1, 1, 1});
  onnx::TensorProto& half = model.constant("w", {1, 1, 1, 1}, onnx::TensorProto::FLOAT16);
  half.set_raw_data(std::string("\x00\x3e", 2));  // 1.5
  model.add("Constant", "b", {"x"}).node().clear_input();
  onnx::AttributeProto& value = *model.node().add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
  value.mutable_t()->add_dims(1);
  value.mutable_t()->add_float_data(4);
  model.add("Conv", "c", {"x", "w", "b"}).add("Flatten", "end");
  BOOST_TEST(result(model, {2}) == Values{7});
}

BOOST_AUTO_TEST_CASE(a_final_softmax_is_left_out) {
  OnnxFixture model({1, 1, 1, 2});
  model.add("Flatten", "flat").add("Softmax", "end").set("axis", int64_t{-1});
  BOOST_TEST(result(model, {1, 2}) == (Values{1, 2}));
  for (const int64_t opset : {int64_t{12}, int64_t{13}}) {  // whose defaults are 1 and -1
    OnnxFixture pixel({1, 1, 1, 2}, opset);
    pixel.floats("w", {2, 1, 1, 2}, {1, 0, 0, 1})
        .add("Conv", "c", {"x", "w"})
        .add("Softmax", "end");
    const auto found = [&] { return result(pixel, {1, 2}); };
    if (opset == 12)
      BOOST_TEST(found() == (Values{1, 2}));
    else
      BOOST_TEST(error_of<ConfigError>(found).find(
                     "axis: found 3; accepted: that of channels, 1") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(open_sizes_are_those_that_are_given) {
  OnnxFixture model({-1, 1, -1, -1});
  model.add("GlobalAveragePool", "mean").add("Flatten", "end");
  const Sizes image{4, 5, 1};
  BOOST_TEST((import_bytes(model.bytes(), image).network.input_shape() == Shape{4, 5, 1}));
}

BOOST_AUTO_TEST_CASE(names_are_those_of_torchs_modules) {
  OnnxFixture model;
  model.floats("w", {1, 1, 1, 1}, {2});
  model.add("Conv", "/blocks/blocks.0/conv/Conv", {"x", "w"}).add("Flatten", "/Flatten");
  const Network network = import_bytes(model.bytes()).network;
  BOOST_TEST(network.nodes()[1].name == "blocks_0_conv");
  BOOST_TEST(network.nodes()[2].name == "Flatten");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace quantdyn::test
