// Training, step by step: what a variant is given after it is of the last step.
#include "experiments/method/trainer.h"

#include <boost/test/unit_test.hpp>

#include "data/standardize.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

constexpr const char* net = R"(
input: [32, 32, 3]
nodes:
  - conv2d: {name: conv1, channels: 4, kernel: 3, stride: 4}
  - relu: {name: relu1}
  - global_average_pool: {name: pool}
  - dense: {name: logits, units: 10}
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(trainer_test)

BOOST_AUTO_TEST_CASE(the_range_after_training_is_the_trained_parameter) {
  Network network = network_of(net);
  const auto data = Registry<DatasetPair>::instance().make(
      Options::from_text("{name: synthetic, train_images: 64, test_images: 8}", "data.yaml"));
  const Standardization standardization = channel_statistics(*data->train);
  const Options root = Options::from_text(
      "{variants: [{name: low, weights: {}, activations: {}, calibration: {images: 64}}],\n"
      "train: {epochs: 1, batch_size: 16, schedule: {name: constant, learning_rate: 1e-4}},\n"
      "quantization: {variant: low, weights: lsq, activations: pact, folding: batch}}",
      "test.yaml");
  const std::vector<Variant> variants = read_variants(root.list("variants", ""), network, {64, 8});
  TrainingSettings settings = TrainingSettings::read(root.section("train", ""), *data->train);
  const auto quantized = QuantizationTrainingSettings::read(root.section("quantization", ""),
                                                            variants, network, settings.epochs);
  std::map<int, std::vector<Range>> ranges;
  for (int unit = 0; unit < 4; ++unit) ranges[unit] = {{-3, 3}};
  QuantizationTraining training(network, quantized, ranges);
  Trainer trainer(network, *data->train, standardization, settings, Fusing::fused,
                  ConvolutionAlgorithm::direct, Rng(1));
  trainer.quantize(training);
  SilentProgress silent;
  const auto progress = silent.begin("test", 64, "images");
  trainer.run_epoch(1, *progress);
  // Steps of conv1 and logits, 255 of them between the ends, then the upper end of conv1's output.
  const auto learned = training.parameters();
  BOOST_REQUIRE(learned.size() == 3u);
  const TrainedRanges last = training.ranges();
  const auto close = boost::test_tools::tolerance(1e-6);
  for (const auto& [place, step] : {std::pair(1, learned[0]), std::pair(3, learned[1])}) {
    const Range& range = last.at({place, TensorRole::weight})[0];
    BOOST_TEST(range.high - range.low == 255.0 * step->master[0], close);
  }
  BOOST_TEST(learned[2]->master[0] != 3);
  BOOST_TEST(last.at({1, TensorRole::output})[0].high == learned[2]->master[0]);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
