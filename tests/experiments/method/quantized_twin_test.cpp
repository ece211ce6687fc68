// One variant beside its float twin: biases that int32 could not hold widen scales of weights.
#include "experiments/method/quantized_twin.h"

#include <boost/test/unit_test.hpp>

#include "quant/folding/linear_pairs.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr int64_t channel = 3;

/// A folded net in which one channel of sep2_dw has weights of nearly 0 and a bias of 1.
struct DeadChannel {
  Network trained = small_network();
  FoldedNetwork folded = fold_network(trained);
  int unit = unit_of(trained, "sep2_dw");
  std::unique_ptr<DatasetPair> data = Registry<DatasetPair>::instance().make(
      Options::from_text("{name: resize, height: 8, width: 8, of: {name: synthetic, train_images: "
                         "16, test_images: 1}}",
                         "data.yaml"));
  Standardization standardization{{128, 128, 128}, {64, 64, 64}};

  DeadChannel() {
    Linear<float>& linear = linear_of(folded.network, unit);
    Tensor<float>& weight = linear.weight->master;
    for (int64_t i = channel; i < weight.elements(); i += linear.out_channels) weight[i] *= 1e-9f;
    linear.bias->master[channel] = 1;
  }

  /// The scales of sep2_dw's weight, by channel.
  std::vector<AffineParameters> scales(const std::string& weights, const std::string& bias) const {
    const Variant quantized = variant(fmt::format(
        "{{name: a, bias: {}, calibration: {{images: 16}}, activations: {{quantizer: {{name: "
        "affine, profile: tflite}}}}, weights: {{quantizer: {{name: affine, profile: tflite, "
        "symmetric: true, granularity: per_channel{}}}}}}}",
        bias, weights));
    Frame frame = frame_of(folded.network);
    QuantizedTwin twin(folded, quantized, Fusing::fused, Simulation::float32, frame);
    const ImageSet images{data->train.get(), &standardization, {0, 1, 2, 3, 4, 5, 6, 7}};
    twin.quantize(images, {}, Rng(1), frame, [](auto&&...) {});
    const Quantization& weight = *twin.tensors().at({unit, TensorRole::weight}).quantization;
    std::vector<AffineParameters> out;
    for (int64_t entry = 0; entry < weight.entries(); ++entry) out.push_back(*weight.affine(entry));
    return out;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(quantized_twin_test, DeadChannel)

BOOST_AUTO_TEST_CASE(tflite_widens_the_scale_of_a_channel_whose_bias_overflows_and_no_other) {
  const auto widened = scales("", "int32"), plain = scales("", "float32");
  BOOST_REQUIRE(widened.size() == 8u);
  for (int64_t c = 0; c < 8; ++c) {
    BOOST_TEST(widened[c].is_widened == (c == channel));
    BOOST_TEST(!plain[c].is_widened);
    if (c == channel)
      BOOST_TEST(widened[c].scale > plain[c].scale);
    else
      BOOST_TEST(widened[c].scale == plain[c].scale);
  }
}

BOOST_AUTO_TEST_CASE(without_widening_the_bias_ends_the_variant) {
  BOOST_TEST(contains(error_of<Error>([&] { scales(", widen_for_bias: false", "int32"); }),
                      "sep2_dw/bias: channel 3: the bias 1 is "));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
