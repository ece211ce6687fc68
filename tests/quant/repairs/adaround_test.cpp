// AdaRound: a layer's output comes nearer, every weight stays beside its value, the same bits on
// any number of threads.
#include "quant/repairs/adaround.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "framework/base/threads.h"
#include "quant/folding/linear_pairs.h"
#include "quant/schemes/selection.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

struct Rounded {
  FoldedNetwork folded = fold_network(small_network());
  Network network = folded.network.clone();
  Frame report = frame_of(network);
  QuantizedTensors tensors;
  std::vector<std::string> notes;

  Rounded(const std::string& settings, const std::string& quantizer_plugin, int threads = 1) {
    const int before = worker_count();
    set_worker_count(threads);
    const auto coarse = scheme("{quantizer: " + quantizer_plugin + "}");
    for (int unit : units_with_weight(network))
      tensors[{unit, TensorRole::weight}] =
          quantize_weight(*coarse, "w", *linear_of(network, unit).weight);
    const Tensor<float> images = images_of(network);
    Evaluator reference(folded.network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::all);
    Evaluator quantized(network, Fusing::fused, ConvolutionAlgorithm::direct, Keep::all);
    AdaRound::read(Options::from_text(settings, "test.yaml"))
        .apply(
            tensors, reference, network, quantized,
            ImageBatches{16, [&](const ImageBatches::Work& work) { work(images.view(), 16, 0); }},
            Rng(5), report,
            [&](const std::string& what, int64_t done, int64_t total, const std::string& units) {
              notes.push_back(fmt::format("{} {}/{} {}", what, done, total, units));
            });
    set_worker_count(before);
  }
  double error(const char* which, int unit) const {
    return std::get<std::vector<double>>(
        report.arrays().at(std::string("layerwise/repairs/adaround_error_") + which).values)[unit];
  }
};

const std::string three_bits = "{name: affine, bit_width: 3, granularity: per_channel}";

}  // namespace

BOOST_AUTO_TEST_SUITE(adaround)

BOOST_AUTO_TEST_CASE(every_layers_output_comes_nearer) {
  const Rounded rounded("{iterations: 300, batch_size: 8, learning_rate: 0.03}", three_bits);
  for (int unit : units_with_weight(rounded.network)) {
    const std::string& name = rounded.network.units()[unit].name;
    const double before = rounded.error("before", unit), after = rounded.error("after", unit);
    BOOST_TEST(after < before, name);
    // Elsewhere a channel has too few weights to choose among.
    if (name.starts_with("res3")) BOOST_TEST(after < 0.8 * before, name);
    const auto changed = channel_report(rounded.report, "rounded_otherwise", unit);
    BOOST_TEST(*std::ranges::max_element(changed) > 0, name);
    BOOST_TEST(*std::ranges::max_element(changed) < 1, name);
  }
  // At each layer and each of its 300 steps, so that a run can be stopped.
  BOOST_TEST_REQUIRE(rounded.notes.size() == 6u * 301);
  BOOST_TEST(rounded.notes[300] == "adaround conv1 0/6 layers");
  BOOST_TEST(rounded.notes[301] == "adaround sep2_dw 1/6 layers");
}

BOOST_AUTO_TEST_CASE(a_layer_ends_early_if_none_of_its_weights_can_move) {
  const Rounded rounded("{iterations: 300, learning_rate: 0.3, regularization: 1}", three_bits);
  BOOST_TEST(rounded.notes.size() > 6u * 60);  // the share that warms up
  BOOST_TEST(rounded.notes.size() < 6u * 300);
}

BOOST_AUTO_TEST_CASE(a_weight_stays_within_a_step_and_has_its_codes_value) {
  const Rounded rounded("{iterations: 200, learning_rate: 0.03}", three_bits);
  for (int unit : units_with_weight(rounded.network)) {
    const QuantizedTensor& tensor = rounded.tensors.at({unit, TensorRole::weight});
    const Parameter<float>& weight = *linear_of(rounded.network, unit).weight;
    const int64_t channels = weight.master.shape().channels();
    for (int64_t i = 0; i < weight.master.elements(); ++i) {
      const int64_t entry = tensor.quantization->entry_of(i % channels);
      const float scale = tensor.quantization->affine(entry)->scale;
      BOOST_TEST(std::abs(weight.effective[i] - weight.master[i]) <= scale * 1.0001f);
      BOOST_TEST(
          weight.effective[i] ==
          tensor.quantization->levels(entry)[tensor.codes[i] - tensor.quantization->first_code()]);
    }
  }
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  const Rounded one("{iterations: 20}", "affine", 1), three("{iterations: 20}", "affine", 3);
  for (int unit : units_with_weight(one.network))
    BOOST_TEST(std::ranges::equal(one.tensors.at({unit, TensorRole::weight}).codes.values(),
                                  three.tensors.at({unit, TensorRole::weight}).codes.values()));
}

BOOST_AUTO_TEST_CASE(regularization_pushes_to_an_end_and_options_are_checked) {
  // Without steps to speak of, the sigmoid starts where rounding to nearest is what it says.
  const Rounded still("{iterations: 1, learning_rate: 1e-9}", three_bits);
  for (int unit : units_with_weight(still.network))
    for (double share : channel_report(still.report, "rounded_otherwise", unit))
      BOOST_TEST(share < 0.01);
  BOOST_TEST(contains(error_of<ConfigError>([] {
                        AdaRound::read(Options::from_text("{warm_start: 1}", "test.yaml"));
                      }),
                      "warm_start: 1 is out of range"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
