// Nets written as ONNX models: what their nodes, attributes and arrays are.
#include "experiments/onnx/export.h"

#include <boost/test/unit_test.hpp>

#include "experiments/onnx/import.h"
#include "tests/experiments/logits.h"
#include "tests/experiments/onnx/model_file.h"
#include "tests/experiments/small_nets.h"
#include "tests/layers/plan_comparison.h"

using namespace quantdyn;
using namespace quantdyn::test;
using Texts = std::vector<std::string>;
using Integers = std::vector<int64_t>;

namespace {

struct Folder : OutputFolder {
  Folder() { std::filesystem::create_directories(path); }
  std::filesystem::path file = path / "model.onnx";

  ModelFile written(const Network& network, const AffineTensors& quantized = {}) const {
    export_onnx(network, quantized, {"net", {}}, file);
    return ModelFile(file);
  }
};

Network net_of(const std::string& nodes) {
  const Options document = Options::from_text("input: [5, 4, 2]\nnodes:\n" + nodes, "test.yaml");
  return with_values(Network::from_options(document));
}

const std::string unit = "  - conv2d: {name: c, channels: 2, kernel: 1}\n  - relu: {name: r}\n";
const std::string end = "  - flatten: {name: flat}\n  - dense: {name: logits, units: 3}\n";

/// A layer that no format has.
template <typename T>
class Halved final : public Layer<T> {
 public:
  explicit Halved(const Options& options) { options.finish(); }
  Shape setup(std::span<const Shape> inputs) override { return inputs[0]; }
  void evaluate(std::span<const View<const T>>, View<T>) const override {}
  void backward(std::span<const View<const T>>, View<const T>, View<const T>,
                std::span<const View<T>>) override {}
};
const RegisteredLayer<Halved> halved{"halved", "for a test"};

/// Codes 0 to `highest` of a unit's output.
AffineTensors rounded_output(const Network& network, const std::string& name, int64_t highest,
                             std::vector<double> scale = {0.5}) {
  AffineTensor out;
  out.zero_point.assign(scale.size(), 0);
  out.scale = std::move(scale);
  out.highest = highest;
  for (int i = 0; i < static_cast<int>(network.units().size()); ++i)
    if (network.units()[i].name == name) return {{{i, TensorRole::output}, out}};
  throw_error("no unit '{}'", name);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(onnx_export_test, Folder)

BOOST_AUTO_TEST_CASE(onnx_accepts_every_network_file) {
  for (const Case& c : small_nets) {
    const Network network = with_values(c);
    const ModelFile model = written(network);
    BOOST_TEST(model.model().opset_import(0).version() == 13);
    for (const Unit& u : network.units())
      if (u.leader > 0) BOOST_TEST(model.node(u.name).name() == u.name, c);
  }
}

BOOST_AUTO_TEST_CASE(every_network_file_comes_back_with_its_units_and_bits) {
  const auto names = [](const Network& network) {
    Texts out;
    for (const Unit& u : network.units()) out.push_back(u.name + " " + u.kind);
    return out;
  };
  for (const Case& c : small_nets) {
    const Network network = with_values(c);
    written(network);
    const Network again = import_onnx(file).network;
    BOOST_TEST(names(again) == names(network), boost::test_tools::per_element());
    const Tensor<float> x = random_tensor(network.input_shape().batch_of(11), Rng(8));
    const Tensor<float> of_first = test::logits_of(network, x.view());
    const Tensor<float> of_again = test::logits_of(again, x.view());
    BOOST_TEST(std::ranges::equal(of_first.values(), of_again.values()), c);
  }
}

BOOST_AUTO_TEST_CASE(weights_have_output_channels_first_and_pads_have_begins_first) {
  const Network network = net_of(
      "  - conv2d: {name: c, channels: 3, kernel: [2, 3], stride: [2, 1], padding: [0, 1, 2, "
      "3]}\n" +
      end);
  const ModelFile model = written(network);
  BOOST_TEST(ModelFile::ints(model.node("c"), "pads") == (Integers{0, 2, 1, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(ModelFile::ints(model.node("c"), "strides") == (Integers{2, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(model.sizes("c_weight") == (Integers{3, 2, 2, 3}), boost::test_tools::per_element());
  const Tensor<float>& ours = network.layer(1)->linear()->weight->master;  // [2,3,2,3]
  const std::vector<float> theirs = model.values<float>("c_weight");
  for (int k = 0; k < 3; ++k)
    for (int in = 0; in < 2; ++in)
      for (int tap = 0; tap < 6; ++tap)
        BOOST_TEST(theirs[(k * 2 + in) * 6 + tap] == ours[(tap * 2 + in) * 3 + k]);
}

BOOST_AUTO_TEST_CASE(a_dense_layer_after_flatten_reads_channels_first) {
  const Network network = net_of(end);
  const ModelFile model = written(network);
  BOOST_TEST(model.operators() == (Texts{"Flatten", "Gemm"}), boost::test_tools::per_element());
  const Tensor<float>& ours = network.layer(2)->linear()->weight->master;  // [5*4*2, 3]
  const std::vector<float> theirs = model.values<float>("logits_weight");
  for (int k = 0; k < 3; ++k)
    for (int pixel = 0; pixel < 20; ++pixel)
      for (int c = 0; c < 2; ++c)
        BOOST_TEST(theirs[k * 40 + c * 20 + pixel] == ours[(pixel * 2 + c) * 3 + k]);
}

BOOST_AUTO_TEST_CASE(a_flatten_that_others_read_keeps_our_order) {
  const ModelFile model = written(
      net_of("  - flatten: {name: flat}\n  - relu: {name: r}\n  - dense: {name: d, units: 3}\n"));
  BOOST_TEST(model.operators() == (Texts{"Transpose", "Flatten", "Relu", "Gemm"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(norms_pools_and_clips_keep_their_numbers) {
  const ModelFile model = written(
      net_of("  - conv2d: {name: c, channels: 2, kernel: 1, bias: false}\n"
             "  - batch_norm: {name: n, epsilon: 0.25, momentum: 0.125}\n"
             "  - relu6: {name: six}\n"
             "  - average_pool: {name: counted, kernel: 2, padding: 1, count_padding: true}\n"
             "  - average_pool: {name: uncounted, kernel: 2, padding: 1}\n" +
             end));
  BOOST_TEST(ModelFile::attribute_of(model.node("n"), "epsilon").f() == 0.25f);
  BOOST_TEST(ModelFile::attribute_of(model.node("n"), "momentum").f() == 0.875f);
  BOOST_TEST(ModelFile::attribute_of(model.node("counted"), "count_include_pad").i() == 1);
  BOOST_TEST(ModelFile::attribute_of(model.node("uncounted"), "count_include_pad").i() == 0);
  BOOST_TEST(model.node("c").input_size() == 2);
  BOOST_TEST(model.values<float>(model.node("six").input(1)) == std::vector<float>{0.0f});
  BOOST_TEST(model.values<float>(model.node("six").input(2)) == std::vector<float>{6.0f});
}

BOOST_AUTO_TEST_CASE(hard_swish_needs_opset_14_and_factors_become_images) {
  const ModelFile model =
      written(net_of("  - conv2d: {name: c, channels: 4, kernel: 1}\n"
                     "  - hard_swish: {name: h}\n"
                     "  - global_average_pool: {name: squeeze}\n"
                     "  - dense: {name: expand, units: 4}\n"
                     "  - sigmoid: {name: gate}\n"
                     "  - multiply: {name: excited, inputs: [gate, h]}\n" +
                     end));
  BOOST_TEST(model.model().opset_import(0).version() == 14);
  BOOST_TEST(model.nodes("Unsqueeze").size() == 1u);
  BOOST_TEST(model.node("excited").input(0) == model.nodes("Unsqueeze")[0]->output(0));
}

BOOST_AUTO_TEST_CASE(clips_with_ends_by_channel_are_maximum_and_minimum) {
  Network network = net_of(unit + end);
  network.replace_activation(network.index_of("r"), "channel_clip");
  ChannelEnds<float>& ends = *network.layer(network.index_of("r"))->channel_ends();
  ends.high->master[0] = 1.5f;
  const ModelFile model = written(network);
  BOOST_TEST(model.operators() == (Texts{"Conv", "Max", "Min", "Flatten", "Gemm"}),
             boost::test_tools::per_element());
  BOOST_TEST(model.node("r").op_type() == "Min");
  BOOST_TEST(model.values<float>(model.node("r").input(1)) == (std::vector<float>{1.5f, 6.0f}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(clips_by_channel_and_sums_of_three_are_read_again) {
  Network network = net_of(unit +
                           "  - conv2d: {name: d, channels: 2, kernel: 1}\n"
                           "  - add: {name: sum, inputs: [c, r, d]}\n" +
                           end);
  network.replace_activation(network.index_of("r"), "channel_clip");
  network.layer(network.index_of("r"))->channel_ends()->high->master[0] = 0.25f;
  written(network);
  const Network again = import_onnx(file).network;
  const Tensor<float> x = random_tensor({4, 5, 4, 2}, Rng(3));
  const Tensor<float> ours = logits_of(network, x.view()), theirs = logits_of(again, x.view());
  BOOST_TEST(ours.values() == theirs.values(), boost::test_tools::per_element());
  BOOST_TEST(again.layer(2)->channel_ends() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_layer_that_onnx_lacks_is_refused) {
  const Network network = net_of("  - halved: {name: h}\n");
  BOOST_TEST(contains(error_of<ConfigError>([&] { written(network); }),
                      "node 'h' (halved): ONNX has no layer for it: accepted: add, average_pool"));
  BOOST_TEST(!std::filesystem::exists(file));
}

BOOST_AUTO_TEST_CASE(codes_narrower_than_their_type_are_clipped_before) {
  const Network network = net_of(unit + end);
  const ModelFile narrow = written(network, rounded_output(network, "c", 15));
  BOOST_TEST(narrow.operators() == (Texts{"Conv", "Relu", "Clip", "QuantizeLinear",
                                          "DequantizeLinear", "Flatten", "Gemm"}),
             boost::test_tools::per_element());
  BOOST_TEST(narrow.values<float>(narrow.nodes("Clip")[0]->input(2)) == std::vector<float>{7.5f});
  const ModelFile full = written(network, rounded_output(network, "c", 255));
  BOOST_TEST(full.nodes("Clip").empty());
}

BOOST_AUTO_TEST_CASE(codes_of_channels_have_the_axis_of_channels) {
  const Network network = net_of(unit + end);
  const ModelFile model = written(network, rounded_output(network, "c", 15, {0.5, 0.25}));
  for (const char* op : {"QuantizeLinear", "DequantizeLinear"})
    BOOST_TEST(ModelFile::attribute_of(*model.nodes(op)[0], "axis").i() == 1);
  const std::string ends = model.nodes("Min")[0]->input(1);
  BOOST_TEST(model.sizes(ends) == (Integers{2, 1, 1}), boost::test_tools::per_element());
  BOOST_TEST(model.values<float>(ends) == (std::vector<float>{7.5f, 3.75f}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(codes_that_onnx_does_not_hold_are_refused) {
  const Network network = net_of(unit + end);
  const auto refusal = [&](const AffineTensors& quantized) {
    return error_of<ConfigError>([&] { written(network, quantized); });
  };
  AffineTensors wide = rounded_output(network, "c", 1023);
  BOOST_TEST(contains(refusal(wide),
                      "c/output: found codes 0 to 1023 and zero points 0 to 0; accepted: 0 to 255, "
                      "what uint8 holds; so bit_width: 8 or less"));
  AffineTensors far = rounded_output(network, "c", 255);
  far.begin()->second.zero_point = {-3};
  BOOST_TEST(contains(refusal(far), "zero points -3 to -3; accepted: 0 to 255"));
  AffineTensors drawn = rounded_output(network, "c", 255);
  drawn.begin()->second.rounding = AffineTensor::Rounding::drawn;
  BOOST_TEST(contains(refusal(drawn), "c/output: found rounding: stochastic; accepted: half_to"));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_an_error) {
  const Network network = net_of(end);
  BOOST_TEST(contains(error_of([&] {
                        export_onnx(network, {}, {"net", {}}, path / "none" / "m.onnx");
                      }),
                      "none/m.onnx"));
}

BOOST_AUTO_TEST_SUITE_END()
