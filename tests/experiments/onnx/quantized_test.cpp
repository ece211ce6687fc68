// Quantized ONNX models: the float net without its QuantizeLinear, and their scales as a variant.
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "experiments/method/quantized_twin.h"
#include "experiments/method/tracking.h"
#include "experiments/onnx/given_scales.h"
#include "tests/experiments/logits.h"
#include "tests/experiments/onnx/fixture.h"
#include "tests/experiments/output_folder.h"

namespace quantdyn::test {
namespace {

using Type = onnx::TensorProto;

/// Adds QuantizeLinear and DequantizeLinear by the constants `scale` and `zero`; NAME is the
/// result.
void quantize(OnnxFixture& model, const std::string& name, const std::string& value,
              const std::string& scale, const std::string& zero) {
  model.add("QuantizeLinear", name + "_codes", {value, scale, zero});
  model.add("DequantizeLinear", name, {name + "_codes", scale, zero});
}

/// x, uint8 in steps of 0.5 from -1; weights int8 by channel, 3 x 0.25 and -4 x 0.5; bias int32.
OnnxFixture quantized_net(float output_scale = 0.125f, int output_zero = 10) {
  OnnxFixture m({1, 1, 1, 2});
  m.floats("s", {}, {0.5f}).codes("z", {}, {2}, Type::UINT8);
  m.floats("os", {}, {output_scale}).codes("oz", {}, {output_zero}, Type::UINT8);
  m.floats("ws", {2}, {0.25f, 0.5f}).codes("wz", {2}, {0, 0}, Type::INT8);
  m.codes("wq", {2, 1, 1, 1}, {3, -4}, Type::INT8);
  m.floats("bs", {2}, {0.125f, 0.25f}).codes("bz", {2}, {0, 0}, Type::INT32);
  m.codes("bq", {2}, {8, -2}, Type::INT32);
  quantize(m, "xd", "x", "s", "z");
  m.add("DequantizeLinear", "w", {"wq", "ws", "wz"}).set("axis", int64_t{0});
  m.add("DequantizeLinear", "b", {"bq", "bs", "bz"}).set("axis", int64_t{0});
  m.add("Conv", "c", {"xd", "w", "b"});
  quantize(m, "cd", "c", "os", "oz");
  m.add("GlobalAveragePool", "mean", {"cd"}).add("Flatten", "end");
  return m;
}

struct Folder : OutputFolder {
  Folder() { std::filesystem::create_directories(path); }

  std::filesystem::path write(OnnxFixture model) const {
    std::ofstream(path / "q.onnx", std::ios::binary) << model.bytes();
    return path / "q.onnx";
  }
  std::string refusal(const OnnxFixture& model, const Network& network) const {
    return error_of<ConfigError>([&] { onnx_scales_for(write(model), network); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(onnx_quantized_test, Folder)

BOOST_AUTO_TEST_CASE(a_cast_of_codes_to_their_own_type_changes_nothing) {
  const auto model = [](int64_t to) {
    OnnxFixture m({1, 1, 1, 2});
    m.floats("s", {}, {0.5f}).codes("z", {}, {2}, Type::UINT8);
    m.add("QuantizeLinear", "q", {"x", "s", "z"}).add("Cast", "c").set("to", to);
    m.add("DequantizeLinear", "d", {"c", "s", "z"}).add("Flatten", "end");
    return m;
  };
  BOOST_TEST(import_bytes(model(2).bytes()).quantization.size() == 1u);
  BOOST_TEST(error_of<ConfigError>([&] {
               import_bytes(model(3).bytes());
             }).find("to: found int8 of uint8 codes; accepted: uint8") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_quantized_model_becomes_a_float_net_with_the_values_of_its_codes) {
  const OnnxImport found = import_bytes(quantized_net().bytes());
  BOOST_TEST(found.network.nodes().size() == 3u);  // input, c, mean
  const Linear<float>& linear = *found.network.layer(1)->linear();
  BOOST_TEST(linear.weight->master.values() == (Values{0.75f, -2}),
             boost::test_tools::per_element());
  BOOST_TEST(linear.bias->master.values() == (Values{1, -0.5f}), boost::test_tools::per_element());
  BOOST_TEST(found.quantization.size() == 4u);  // input, weight, bias, c
}

BOOST_AUTO_TEST_CASE(a_clip_that_codes_stand_for_is_put_back) {
  for (const auto& [scale, kind] : {std::pair(0.1f, "relu"), std::pair(6.0f / 255, "relu6")}) {
    const Network network = import_bytes(quantized_net(scale, 0).bytes()).network;
    BOOST_TEST(network.nodes()[2].kind == kind);
    BOOST_TEST(network.units()[1].activation == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_variant_takes_scales_zero_points_and_int32_biases) {
  const std::filesystem::path file = write(quantized_net());
  const Network network = import_onnx(file).network;
  const GivenScales given = onnx_scales_for(file, network);
  BOOST_TEST(given.tensors.size() == 3u);
  BOOST_TEST(given.has_int32_biases);
  const Options root = Options::from_text(
      fmt::format("variants: [{{name: theirs, from: {}}}]", file.string()), "test.yaml");
  const std::vector<Variant> variants =
      read_variants(root.list("variants", ""), network, {1, 1}, onnx_scales_for);
  const FoldedNetwork folded = fold_network(network);
  Frame frame = make_frame(folded.network);
  QuantizedTwin twin(folded, variants[0], Fusing::fused, Simulation::float32, frame);
  twin.quantize({}, {}, Rng(1), frame, [](auto&&...) {});
  const Quantization& weight = *twin.tensors().at({1, TensorRole::weight}).quantization;
  BOOST_TEST(weight.affine(1)->scale == 0.5f);
  const Quantization& output = *twin.tensors().at({1, TensorRole::output}).quantization;
  BOOST_TEST(output.affine(0)->scale == 0.125f);
  BOOST_TEST(output.affine(0)->zero_point == 10);
  // x: codes 2 + 3 and 2 + 1 (0.6 is 1.2 steps), 1.5 and 0.5. c: 0.75 x + 1 = 2.125, 1.375;
  // -2 x - 0.5 = -3.5, -1.5, of which -1.25 is the lowest code.
  const Values image{1.5f, 0.6f};
  const Tensor<float> y = logits_of(twin.evaluator(), {image.data(), Shape{1, 1, 2, 1}});
  BOOST_TEST(y.values() == (Values{1.75f, -1.25f}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_scale_is_taken_to_the_last_bit) {
  GivenScales given;
  GivenScale& scale = given.tensors[{1, TensorRole::weight}];
  scale = {8, true, {}, {}};
  for (int i = 0; i < 4000; ++i) {
    scale.scale.push_back(std::ldexp(
        1 + static_cast<float>(i) / 8192 + 1e-7f * static_cast<float>(i % 97), i % 60 - 40));
    scale.zero_point.push_back(i % 256 - 128);
  }
  for (const auto& [bits, is_signed] :
       {std::pair(8, true), std::pair(8, false), std::pair(16, true)}) {
    scale.bit_width = bits;
    scale.is_signed = is_signed;
    if (!is_signed)
      for (int64_t& zero : scale.zero_point) zero += 128;
    const Network network = import_bytes(quantized_net().bytes()).network;
    const auto schemes = schemes_of(given, network);
    const auto fitted =
        schemes[1].weight->quantizer->fit({"w", 4000, scale.ranges(), {}, {}, scale.parameters()});
    int wrong = 0;
    for (int i = 0; i < 4000; ++i)
      wrong += fitted->affine(i)->scale != scale.scale[i] ||
               fitted->affine(i)->zero_point != scale.zero_point[i];
    BOOST_TEST(wrong == 0);
    if (!is_signed)
      for (int64_t& zero : scale.zero_point) zero -= 128;
  }
}

BOOST_AUTO_TEST_CASE(tensors_without_a_place_in_the_net_are_all_listed) {
  const Network network = import_bytes(quantized_net().bytes()).network;
  OnnxFixture before = quantized_net();
  before.graph().mutable_node(before.graph().node_size() - 2)->set_input(0, "r");
  before.add("Relu", "r", {"cd"}).ends_with("end");
  before.graph().mutable_node()->SwapElements(before.graph().node_size() - 1,
                                              before.graph().node_size() - 3);
  before.graph().mutable_node()->SwapElements(before.graph().node_size() - 2,
                                              before.graph().node_size() - 1);
  BOOST_TEST(contains(refusal(before, network),
                      "1 quantized tensors have no place in the net: the output of 'c' (before "
                      "'r'). Accepted: outputs of units"));
  OnnxFixture other({1, 1, 1, 2});
  other.add("Relu", "r").add("Flatten", "end");
  BOOST_TEST(
      contains(refusal(other, network), "has no QuantizeLinear; accepted: a quantized model"));
  BOOST_TEST(
      contains(refusal(quantized_net(), import_bytes(other.bytes()).network),
               "3 quantized tensors have no place in the net: the bias of 'c' (no unit of this "
               "name); the weight of 'c' (no unit of this name)"));
}

BOOST_AUTO_TEST_CASE(weights_of_other_codes_are_refused) {
  Network network = import_bytes(quantized_net().bytes()).network;
  network.layer(1)->linear()->weight->master[0] += 0.25f;
  BOOST_TEST(contains(refusal(quantized_net(), network),
                      "the weight of 'c' has other codes than the file's in 1 of 2 values"));
}

BOOST_AUTO_TEST_CASE(scales_move_with_their_axis_or_are_refused) {
  const auto reshaped = [](const Sizes& codes, const std::string& operation) {
    OnnxFixture m({1, 2, 1, 1});
    m.floats("s", {2}, {0.25f, 0.5f}).codes("z", {2}, {0, 0}, Type::INT8);
    m.codes("q", codes, {1, 2, 3, 4, 5, 6, 7, 8}, Type::INT8);
    m.add("DequantizeLinear", "w", {"q", "s", "z"}).set("axis", int64_t{0});
    m.integers("sizes", {4}, {operation == "Slice" ? 1 : 4, 2, 1, 1});
    m.integers("0", {1}, {0}).integers("1", {1}, {1});
    m.add(operation, "v", {"w", operation == "Slice" ? "0" : "sizes"});
    if (operation == "Slice") m.node().add_input("1");
    m.add("Conv", "c", {"x", "v"}).add("Flatten", "end");
    return error_of<ConfigError>([&] { import_bytes(m.bytes()); });
  };
  BOOST_TEST(contains(reshaped({2, 4}, "Reshape"),
                      "makes [4, 2, 1, 1] of [2, 4], whose axis 0 has a scale for each index"));
  BOOST_TEST(contains(reshaped({2, 2, 2, 1}, "Slice"),
                      "takes parts of an axis that has a scale for each index"));
  OnnxFixture m({1, 1, 1, 2});
  m.floats("s", {2}, {0.25f, 0.5f}).codes("z", {2}, {0, 0}, Type::INT8);
  m.codes("q", {1, 2, 1, 1, 1}, {3, -4}, Type::INT8).integers("axes", {1}, {0});
  m.add("DequantizeLinear", "v", {"q", "s", "z"}).set("axis", int64_t{1});
  m.add("Squeeze", "w", {"v", "axes"}).add("Conv", "c", {"x", "w"});
  m.add("GlobalAveragePool", "mean").add("Flatten", "end");
  const OnnxImport found = import_bytes(m.bytes());
  BOOST_TEST(found.quantization.at(0).scale.axis == 0);
}

BOOST_AUTO_TEST_CASE(one_bias_scale_beside_weights_by_channel_is_refused) {
  OnnxFixture model = quantized_net();
  model.floats("one", {}, {0.125f}).codes("zero", {}, {0}, Type::INT32);
  for (onnx::NodeProto& node : *model.graph().mutable_node())
    if (node.name() == "b") {
      node.set_input(1, "one");
      node.set_input(2, "zero");
    }
  BOOST_TEST(contains(refusal(model, import_bytes(model.bytes()).network),
                      "the bias of 'c' (scale 0.125, the products' is 0.25)"));
}

BOOST_AUTO_TEST_CASE(pairs_that_do_not_fit_are_refused) {
  OnnxFixture other = quantized_net();
  other.graph().mutable_node(1)->set_input(1, "os");
  BOOST_TEST(contains(error_of<ConfigError>([&] { import_bytes(other.bytes()); }),
                      "has another scale or zero point than the QuantizeLinear before it"));
  OnnxFixture codes({1, 1, 2, 2});
  codes.floats("s", {}, {1}).codes("z", {}, {0}, Type::UINT8);
  codes.add("QuantizeLinear", "q", {"x", "s", "z"}).add("MaxPool", "m");
  codes.set("kernel_shape", Sizes{2, 2});
  BOOST_TEST(contains(error_of<ConfigError>([&] { import_bytes(codes.bytes()); }),
                      "codes of QuantizeLinear; accepted: only DequantizeLinear reads them"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace quantdyn::test
