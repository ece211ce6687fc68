// `quantdyn export` to ONNX: the float net and quantized variants of a result.
#include <boost/test/unit_test.hpp>

#include "framework/h5/h5.h"
#include "tests/experiments/onnx/model_file.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

struct Result : Workplace {
  /// Runs tiny.yaml without training, with these variants.
  explicit Result(const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"--set", "train.epochs=0", "--set", "track.statistics=[]"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = run_tiny("out", all);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  }
  Outcome exported(std::vector<std::string> more) const {
    more.insert(more.begin(), {"export", "out/result.h5"});
    return run(more);
  }
  ModelFile model(const std::string& variant) const {
    const Outcome outcome = exported({"--output", "m.onnx", "--force", "--variant", variant});
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return ModelFile(path / "m.onnx");
  }
  void expect_refusal(const std::vector<std::string>& more, int code,
                      const std::string& message) const {
    const Outcome outcome = exported(more);
    BOOST_TEST(outcome.exit_code == code, message);
    BOOST_TEST(contains(outcome.err, message), outcome.err << " does not hold: " << message);
  }
};

/// A variant's section in one line, calibrated on a few images.
std::string variants(const std::string& entries) { return "variants=[" + entries + "]"; }

}  // namespace

BOOST_AUTO_TEST_SUITE(onnx_program_test)

BOOST_AUTO_TEST_CASE(a_variant_rounds_every_output_that_the_result_has_rounded) {
  const Result result;
  BOOST_TEST(result.exported({"--output", "float.onnx"}).exit_code == 0);
  const ModelFile net(result.path / "float.onnx");
  BOOST_TEST(net.nodes("QuantizeLinear").empty());
  BOOST_TEST(!net.nodes("BatchNormalization").empty());
  const ModelFile int8 = result.model("int8");
  BOOST_TEST(int8.nodes("BatchNormalization").empty());
  BOOST_TEST(int8.nodes("Clip").empty());
  const ModelFile int4 = result.model("int4");
  // input, 11 layers, pool and logits; weights of 12 layers.
  BOOST_TEST(int4.nodes("QuantizeLinear").size() == 14u);
  BOOST_TEST(int4.nodes("Clip").size() == 14u);
  BOOST_TEST(int4.nodes("DequantizeLinear").size() == 26u);
}

BOOST_AUTO_TEST_CASE(codes_scales_and_biases_are_those_of_the_result) {
  const Result result(
      {"--set", variants("{name: a, weights: {quantizer: {name: affine, "
                         "symmetric: true, granularity: per_channel}}, "
                         "activations: {}, bias: int32, calibration: {images: 8}}")});
  const ModelFile model = result.model("a");
  const h5::File file = h5::File::open(result.path / "out" / "result.h5");
  const h5::Group weight = file.group("quantization/a/logits/weight");
  const std::vector<int32_t> codes = weight.dataset("codes").read<int32_t>();  // [in, 10]
  const std::vector<int8_t> written = model.values<int8_t>("logits_weight_codes");
  const size_t ins = codes.size() / 10;
  for (size_t in = 0; in < ins; ++in)
    for (size_t k = 0; k < 10; ++k) BOOST_TEST(written[k * ins + in] == codes[in * 10 + k]);
  BOOST_TEST(model.values<float>("logits_weight_scale") == weight.dataset("scale").read<float>(),
             boost::test_tools::per_element());
  BOOST_TEST(model.values<int32_t>("logits_bias_codes") ==
                 file.dataset("quantization/a/logits/bias/codes").read<int32_t>(),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(activations_that_repairs_replaced_are_the_variants) {
  const Result result(
      {"--set", "network.activation=relu6", "--set",
       variants("{name: plain, weights: {}}, "
                "{name: even, weights: {}, repairs: {equalize: {relu6: replace}}}")});
  BOOST_TEST(result.model("plain").nodes("Relu").empty());
  BOOST_TEST(!result.model("even").nodes("Relu").empty());
}

BOOST_AUTO_TEST_CASE(norms_that_are_not_folded_stay) {
  const Result result({"--set", variants("{name: a, weights: {}, fold: false}")});
  BOOST_TEST(!result.model("a").nodes("BatchNormalization").empty());
}

BOOST_AUTO_TEST_CASE(rounding_that_onnx_lacks_is_told) {
  const Result result({"--set", variants("{name: a, weights: {}, activations: {quantizer: {name: "
                                         "affine, profile: tflite}}, calibration: {images: 8}}")});
  const Outcome outcome = result.exported({"--output", "m.onnx", "--variant", "a"});
  BOOST_TEST(contains(outcome.out, "note: ONNX rounds x / scale half to even"), outcome.out);
  BOOST_TEST(contains(outcome.out, "note: its biases are float32"), outcome.out);
}

BOOST_AUTO_TEST_CASE(export_refuses_variants_that_cannot_be) {
  const Result result(
      {"--set", "track.weights=none", "--set",
       variants("{name: a, weights: {}}, {name: ternary, weights: {quantizer: ternary}}")});
  result.expect_refusal({"--output", "m.h5", "--variant", "a"}, 2,
                        "--variant a: a Keras model holds no quantized tensors");
  result.expect_refusal({"--output", "m.onnx", "--variant", "b"}, 2,
                        "no snapshot for --variant b; there are");
  result.expect_refusal({"--output", "m.onnx", "--variant", "float32"}, 2,
                        "no codes of a variant 'float32'");
  result.expect_refusal({"--output", "m.onnx", "--variant", "a"}, 1, "track.weights says which");
  result.expect_refusal({"--output", "m.bin"}, 2, "--output m.bin: accepted: a name that ends in");
  result.expect_refusal({"--output", "m.onnx", "--format", "tflite"}, 2,
                        "--format tflite: accepted: onnx, keras, model-explorer");
  result.expect_refusal({"--output", "m.onnx", "--format", "keras"}, 2,
                        "--output m.onnx: accepted: a name that ends in .h5 or .hdf5");
  BOOST_TEST(!fs::exists(result.path / "m.onnx"));
}

BOOST_AUTO_TEST_CASE(quantizers_without_a_scale_are_refused) {
  const Result result({"--set", variants("{name: t, weights: {quantizer: ternary}}")});
  result.expect_refusal(
      {"--output", "m.onnx", "--variant", "t"}, 2,
      "conv1/weight: its quantizer has no scale and zero point; accepted: affine");
}

BOOST_AUTO_TEST_SUITE_END()
