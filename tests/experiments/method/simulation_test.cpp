// Quantized nets whose products are summed in codes, beside the same nets in float32.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "experiments/method/quantized_twin.h"
#include "experiments/run/computing.h"
#include "quant/folding/linear_pairs.h"
#include "tests/every_target.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

/// One quantized net of small_network(), which has 3x3, depthwise and pointwise convolutions, an
/// add and a dense layer.
struct Twin {
  Network trained = small_network("relu6");
  Variant quantized;
  FoldedNetwork folded;
  Frame frame;
  std::unique_ptr<DatasetPair> data = Registry<DatasetPair>::instance().make(
      Options::from_text("{name: resize, height: 8, width: 8, of: {name: synthetic, train_images: "
                         "16, test_images: 1}}",
                         "data.yaml"));
  Standardization standardization{{128, 128, 128}, {64, 64, 64}};
  std::unique_ptr<QuantizedTwin> twin;

  explicit Twin(Simulation simulation, const std::string& more = "")
      : quantized(variant("{name: a, calibration: {images: 16}, weights: {quantizer: affine}, "
                          "activations: {quantizer: affine}" +
                          more + "}")),
        folded(quantized.fold ? fold_network(trained) : unfolded(trained)),
        frame(frame_of(folded.network)) {
    twin = std::make_unique<QuantizedTwin>(folded, quantized, Fusing::fused, simulation, frame);
    const ImageSet images{data->train.get(), &standardization, {0, 1, 2, 3, 4, 5, 6, 7}};
    twin->quantize(images, {}, Rng(1), frame, [](auto&&...) {});
  }

  /// Of 16 images, from whole batches: units pass on codes where they can.
  std::vector<float> logits(const Tensor<float>& x) {
    Tensor<float> out(trained.output_shape().batch_of(16));
    twin->evaluator().run(x.view(), 16, 0, out.view());
    return {out.values().begin(), out.values().end()};
  }
  /// The same with every unit's output as values.
  std::vector<float> logits_from_values(const Tensor<float>& x) {
    std::vector<float> out;
    for (int64_t chunk : {0, 1}) {
      twin->evaluator().run_chunk(x.view().slice(chunk * 8, 8), 8, chunk, 0);
      const int last = static_cast<int>(trained.units().size()) - 1;
      const auto values = std::as_const(twin->evaluator()).output(last, 0).values();
      out.insert(out.end(), values.begin(), values.end());
    }
    return out;
  }
};

const std::vector<std::string> variants{
    "",
    ", fold: false",
    ", bias: int32",
    ", overrides: [{nodes: sep2_pw, weights: {quantizer: {granularity: per_channel}}}]",
    ", overrides: [{nodes: conv1, bit_width: 4}]",
    ", overrides: [{nodes: conv1, activations: {quantizer: none}}]",
    ", overrides: [{nodes: sep2_dw, activations: {quantizer: {bit_width: 12}}}]",
    ", repairs: {adaround: {iterations: 20}}",
    ", repairs: {equalize: {}, correct_bias: {}}"};

}  // namespace

BOOST_AUTO_TEST_SUITE(simulation_test)

BOOST_AUTO_TEST_CASE(logits_are_the_same_whether_units_pass_on_codes_or_values) {
  for (const std::string& more : variants) {
    Twin a(Simulation::integer, more);
    const Tensor<float> x = images_of(a.trained);
    BOOST_TEST((bits(a.logits(x)) == bits(a.logits_from_values(x))), more);
  }
}

BOOST_AUTO_TEST_CASE(units_after_another_give_the_same_logits_from_codes_and_from_values) {
  for (const std::string& more : variants) {
    Twin a(Simulation::integer, more);
    Evaluator& before = a.twin->evaluator();
    Evaluator after(a.twin->network(), Fusing::fused, ConvolutionAlgorithm::direct, Keep::all);
    const int units = static_cast<int>(a.trained.units().size());
    for (int unit = 0; unit < units; ++unit)
      after.tap(unit, TapKind::output).transform = before.tap(unit, TapKind::output).transform;
    a.twin->give_codes(after);
    before.run_chunk(images_of(a.trained).view().slice(0, 8), 8, 0, 0);
    /// `change` takes a value off the grid; a NaN stays off it.
    const auto all_logits = [&](float change) {
      std::vector<float> out;
      for (int unit = 0; unit < units; ++unit) {
        const View<float> start = after.output(unit, 0);
        std::ranges::copy(std::as_const(before).output(unit, 0).values(), start.data);
        start.data[3] += change;
        std::ranges::copy(after.run_after(unit, before, 8, 0, 0).values(), std::back_inserter(out));
      }
      return out;
    };
    const std::vector<float> changes{0, 0.001f, std::nanf("")};
    std::vector<std::vector<uint32_t>> expected;
    for (const float change : changes) expected.push_back(bits(all_logits(change)));
    after.hand_on_codes();
    for (size_t i = 0; i < changes.size(); ++i)
      BOOST_TEST((bits(all_logits(changes[i])) == expected[i]), more << " " << changes[i]);
  }
}

BOOST_AUTO_TEST_CASE(float32_differs_by_its_rounding_alone) {
  for (const std::string& more : variants) {
    Twin a(Simulation::integer, more), b(Simulation::float32, more);
    const Tensor<float> x = images_of(a.trained);
    const double gap = largest_difference(a.logits(x), b.logits(x));
    BOOST_TEST(gap < 0.02, more << ": " << gap);  // a code or two on the way
    BOOST_TEST(b.twin->coded_units() == 0);
  }
}

BOOST_AUTO_TEST_CASE(every_unit_with_a_weight_sums_codes_where_both_factors_have_them) {
  BOOST_TEST(Twin(Simulation::integer).twin->coded_units() == 6);
  BOOST_TEST(Twin(Simulation::integer, variants[5]).twin->coded_units() == 5);
  BOOST_TEST(Twin(Simulation::integer, variants[6]).twin->coded_units() == 5);
}

BOOST_AUTO_TEST_CASE(an_image_with_a_nan_has_nan_logits_and_the_others_keep_theirs) {
  Twin a(Simulation::integer);
  Tensor<float> x = images_of(a.trained);
  const std::vector<float> before = a.logits(x);
  x[5 * x.elements() / 16 + 7] = std::nanf("");
  const std::vector<float> after = a.logits(x);
  const int64_t classes = a.trained.output_shape().elements();
  for (int64_t i = 0; i < 16 * classes; ++i) {
    if (i / classes == 5)
      BOOST_TEST(std::isnan(after[i]));
    else if (i / classes >= 8)  // of another chunk
      BOOST_TEST(after[i] == before[i]);
    else  // summed in float32
      BOOST_TEST(std::abs(after[i] - before[i]) < 0.02 * (1 + std::abs(before[i])));
  }
}

BOOST_AUTO_TEST_CASE(the_bits_are_those_of_every_instruction_set) {
  Twin a(Simulation::integer);
  const Tensor<float> x = images_of(a.trained);
  const std::vector<uint32_t> expected = bits(a.logits(x));
  on_every_target([&](const std::string& target) {
    if (target == "SCALAR") return;  // its add and pool round otherwise
    BOOST_TEST((bits(a.logits(x)) == expected), target);
  });
}

BOOST_AUTO_TEST_CASE(only_fused_kernels_sum_codes) {
  const auto read = [](const std::string& compute) {
    return Computing::read(Options::from_text(compute, "e.yaml"));
  };
  BOOST_TEST((read("{}").simulation == Simulation::integer));
  BOOST_TEST((read("{fuse: false}").simulation == Simulation::float32));
  BOOST_TEST((read("{simulation: float}").simulation == Simulation::float32));
  BOOST_TEST(contains(error_of<ConfigError>([&] { read("{fuse: false, simulation: integer}"); }),
                      "simulation"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
