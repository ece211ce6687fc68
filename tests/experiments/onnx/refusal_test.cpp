// ONNX models refused: each message says what, where and what is accepted.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tests/experiments/onnx/fixture.h"
#include "tests/experiments/output_folder.h"

namespace quantdyn::test {
namespace {

std::string refusal(OnnxFixture model, std::optional<std::span<const int64_t>> input = {}) {
  return error_of<ConfigError>([&] { import_bytes(model.bytes(), input); });
}

/// A model of one node, "n", that reads x.
OnnxFixture one(const std::string& operation, const std::vector<std::string>& inputs = {"x"}) {
  return OnnxFixture().add(operation, "n", inputs);
}

void check(OnnxFixture model, const std::string& message) {
  const std::string found = refusal(std::move(model));
  BOOST_TEST(contains(found, message), found << "\ndoes not hold: " << message);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(onnx_refusal_test)

BOOST_AUTO_TEST_CASE(an_operator_that_is_not_supported_is_named_with_its_node_and_what_is) {
  check(one("Einsum"),
        "m.onnx: node 'n' (Einsum): this operator is not supported; accepted: Add, "
        "AveragePool, BatchNormalization, Cast, Clip, Concat, Constant");
  OnnxFixture custom = one("Relu");
  custom.node().set_domain("org.example");
  check(custom,
        "node 'n' (Relu): is an operator of the domain 'org.example'; accepted: ONNX's own");
}

BOOST_AUTO_TEST_CASE(options_that_are_not_supported_are_named) {
  const auto conv = [] {
    return OnnxFixture().floats("w", {1, 1, 2, 2}, {1, 2, 3, 4}).add("Conv", "n", {"x", "w"});
  };
  check(conv().set("dilations", Sizes{2, 1}), "dilations: found [2, 1]; accepted: [1, 1]");
  check(conv().set("strides", Sizes{0, 1}), "strides: found 0; accepted: from 1 to 65536");
  check(conv().set("kernel_shape", Sizes{1, 2}),
        "kernel_shape: found [1, 2], its weight has [2, 2]");
  check(conv().set("pads", Sizes{1, 1}),
        "pads: found [1, 1]; accepted: [top, left, bottom, right]");
  check(conv().set("group", int64_t{2}), "its weight has the sizes [1, 1, 2, 2]; accepted with 1");
  check(one("MaxPool")
            .set("kernel_shape", Sizes{1, 1})
            .set("strides", Sizes{2, 2})
            .set("ceil_mode", int64_t{1}),
        "ceil_mode: found 1, which gives one more pixel than rounding down");
  check(conv().set("pads", Sizes{1, 1, 1, 1}).set("auto_pad", std::string("VALID")),
        "pads: found [1, 1, 1, 1] beside auto_pad VALID; accepted: one of them");
  check(OnnxFixture().floats("a", {}, {1}).floats("b", {}, {1}).add("Clip", "n", {"x", "a", "b"}),
        "limits channel 0 to 1 ... 1; accepted: a lower end below the upper one");
  check(OnnxFixture().floats("a", {}, {NAN}).add("Max", "n", {"x", "a"}),
        "its limit, 'a', holds float32 []; accepted: one float32 that is a number, or one for each "
        "of 1 channels");
  check(OnnxFixture().floats("a", {2}, {1, 2}).add("Max", "n", {"x", "a"}),
        "its limit, 'a', holds float32 [2]; accepted: one float32 that is a number, or one for");
  check(one("Max", {"x", "x"}), "has 2 inputs, not one computed and one constant; accepted: x and");
  check(one("HardSigmoid").set("alpha", 0.2f), "has alpha 0.2, beta 0.5; accepted: 1/6 and 0.5");
  check(one("Sigmoid"), "is at the model's end, whose outputs must be logits");
  check(one("Transpose").set("perm", Sizes{0, 2, 1, 3}),
        "perm: found [0, 2, 1, 3] of [1, 1, 2, 2]; accepted: [0, 2, 3, 1]");
  check(one("ReduceMean").set("axes", Sizes{1}), "axes: found [1] of sizes [1, 1, 2, 2]");
  check(OnnxFixture().floats("c", {}, {2}).add("Mul", "n", {"x", "c"}),
        "multiplies with a constant of sizes []; accepted: two computed values");
  check(
      OnnxFixture().integers("p", {8}, {0, 1, 0, 0, 0, 0, 0, 0}).add("Pad", "n", {"x", "p"}),
      "has the pads [0, 1, 0, 0, 0, 0, 0, 0]; accepted: zeros around an image's height and width");
  check(one("Concat", {"x", "x"}).set("axis", int64_t{2}), "axis: found 2; accepted: that of");
  check(one("Div", {"x", "x"}),
        "computes with values of images; accepted: of constants and shapes");
}

BOOST_AUTO_TEST_CASE(padding_that_no_window_takes_is_refused) {
  OnnxFixture model;
  model.integers("p", {8}, {0, 0, 1, 1, 0, 0, 1, 1}).add("Pad", "pad", {"x", "p"});
  OnnxFixture max = model;
  check(max.add("MaxPool", "m").set("kernel_shape", Sizes{2, 2}),
        "node 'm' (MaxPool): reads the zeros of node 'pad' (Pad); accepted after one: Conv");
  check(model, "the model ends with the zeros of node 'pad' (Pad)");
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit_are_named) {
  const auto conv = [](const Values& values) {
    return OnnxFixture().floats("w", {1, 1, 1, 1}, values).add("Conv", "n", {"x", "w"});
  };
  check(conv({NAN}), "node 'n' (Conv): its weight, 'w', is nan at [0, 0, 0, 0]; accepted: finite");
  check(conv({1, 2}), "m.onnx: constant 'w': has 2 values, its sizes [1, 1, 1, 1] ask for 1");
  check(OnnxFixture().add("Relu", "r").add("Conv", "n", {"x", "r"}),
        "its weight, 'r', is computed; accepted: a constant");
  check(OnnxFixture().add("Conv", "n", {"x", "w"}),
        "node 'n' (Conv): reads 'w', which is no constant and no result in the model");
  check(OnnxFixture().add("Relu", "n").ends_with("nothing"),
        "its output 'nothing' is no result in the model");
  OnnxFixture norm({1, 1, 2, 2});
  norm.floats("1", {1}, {1}).floats("-1", {1}, {-1});
  check(norm.add("BatchNormalization", "n", {"x", "1", "1", "1", "-1"}),
        "node 'n' (BatchNormalization): its variance -1 and epsilon 1e-05 have no square root");
  OnnxFixture wide;
  wide.constant("w", {1, 1, 1, 1}, onnx::TensorProto::DOUBLE).add_double_data(1);
  check(wide.add("Conv", "n", {"x", "w"}), "constant 'w': holds float64; accepted: float32");
  OnnxFixture huge;
  huge.constant("w", {1 << 20, 1 << 20, 3, 3}, onnx::TensorProto::FLOAT).set_raw_data("abcd");
  check(huge.add("Conv", "n", {"x", "w"}), "accepted: tensors of up to 1 GiB");
}

BOOST_AUTO_TEST_CASE(graphs_that_are_no_net_are_refused) {
  OnnxFixture cycle;
  check(cycle.add("Relu", "a", {"b"}).add("Relu", "b", {"a"}),
        "Nodes in a graph must be topologically sorted");
  OnnxFixture two;
  two.add("Relu", "a");
  *two.graph().add_input() = two.graph().input(0);
  two.graph().mutable_input(1)->set_name("y");
  check(two, "has 2 inputs and 1 outputs; accepted: one of each");
  check(OnnxFixture({1, 1, 2, 2}, 6).add("Relu", "a"), "has opset 6; accepted: 7 to 28");
  check(OnnxFixture({1, 1, 2, 2}, 99).add("Relu", "a"), "has opset 99; accepted: 7 to 28");
  check(OnnxFixture({1, 2}).add("Relu", "a"), "input 'x': has the sizes [1, 2]; accepted: [batch,");
  check(OnnxFixture({1, 2, 1, 2}).add("Flatten", "a"),
        "the model's output 'a' is a flattened image");
  check(OnnxFixture().add("Relu", "side").add("Relu", "a", {"x"}).add("Flatten", "end"),
        "node 'side' is read by no other node");
}

BOOST_AUTO_TEST_CASE(open_sizes_are_asked_for) {
  OnnxFixture model({-1, 1, -1, 4});
  model.add("Flatten", "end");
  check(model,
        "input 'x': has the sizes [n, 1, n, 4]; accepted: sizes from 1 to 65536. Where height "
        "and width are open, expected `input: [height, width, channels]` beside `file`");
  const Sizes other{4, 5, 1};
  BOOST_TEST(contains(refusal(model, other), "has the sizes [n, 1, n, 4], `input` says [4, 5, 1]"));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_model_are_refused) {
  const std::string bytes = doubling_onnx().add("Flatten", "end").bytes();
  for (size_t size = 0; size < bytes.size(); ++size)  // cut anywhere
    BOOST_TEST(!error_of<ConfigError>([&] { import_bytes(bytes.substr(0, size)); }).empty());
  BOOST_TEST(error_of<ConfigError>([] { import_bytes("name: net\n"); }) ==
             "m.onnx: is not an ONNX model, or is damaged");
}

BOOST_FIXTURE_TEST_CASE(external_data_stay_in_the_models_folder, OutputFolder) {
  std::filesystem::create_directories(path);
  const auto with = [&](const std::string& location, const std::string& length) {
    OnnxFixture model;
    onnx::TensorProto& w = model.constant("w", {1, 1, 1, 1}, onnx::TensorProto::FLOAT);
    w.set_data_location(onnx::TensorProto::EXTERNAL);
    const std::pair<const char*, std::string> entries[] = {
        {"location", location}, {"offset", "4"}, {"length", length}};
    for (const auto& [key, value] : entries) {
      auto& entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    model.add("Conv", "c", {"x", "w"}).add("Flatten", "end");
    std::ofstream(path / "m.onnx", std::ios::binary) << model.bytes();
    return error_of<ConfigError>([&] { import_onnx(path / "m.onnx"); });
  };
  const float values[] = {7, 2};
  std::ofstream(path / "w.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(values), sizeof values);
  BOOST_TEST(with("w.bin", "4") == "");
  BOOST_TEST(contains(with("absent.bin", "4"), "absent.bin: no such file"));
  BOOST_TEST(contains(with("w.bin", "8"), "has 8 bytes, 8 from byte 4 are wanted"));
  BOOST_TEST(contains(with("w.bin", "-1"), "length is '-1'; accepted: a number of bytes"));
  for (const std::string location : {"../w.bin", "/etc/hostname", "a/../../w.bin", ""})
    BOOST_TEST(contains(with(location, "4"), "accepted: a file in the model's folder or below it"));
  std::filesystem::create_symlink("/etc/hostname", path / "link.bin");
  BOOST_TEST(contains(with("link.bin", "4"), "accepted: a file in the model's folder or below it"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace quantdyn::test
