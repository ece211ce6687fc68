// Training, step by step: what a variant is given after it is of the last step.
#include "experiments/method/trainer.h"

#include <boost/test/unit_test.hpp>

#include "data/order.h"
#include "data/standardize.h"
#include "tests/data/ramp_dataset.h"
#include "tests/experiments/small_nets.h"
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

/// Images of 12 x 12 x 3 in ten classes, and a training of a net on them.
struct Training {
  static constexpr int64_t images = 200;  // three batches of 64 and a rest of 8
  Training(Network of_case, int64_t micro_batch, Fusing fusing, const Dataset& of)
      : network(std::move(of_case)),
        data(of),
        settings(TrainingSettings::read(
            Options::from_text(fmt::format("{{epochs: 2, batch_size: 64, last_batch: keep, "
                                           "micro_batch: {}, schedule: {{name: constant, "
                                           "learning_rate: 0.01}}}}",
                                           micro_batch),
                               "test.yaml"),
            data)),
        trainer(network, data, standardization, settings, fusing, ConvolutionAlgorithm::automatic,
                Rng(1)) {}

  EpochResult run(int64_t epoch) {
    SilentProgress silent;
    const auto progress = silent.begin("test", images, "images", 0);
    return trainer.run_epoch(epoch, *progress);
  }
  std::vector<float> parameters() const {
    std::vector<float> out;
    for (const auto& named : network.parameters())
      out.insert(out.end(), named.parameter->master.values().begin(),
                 named.parameter->master.values().end());
    return out;
  }

  Network network;
  const Dataset& data;
  Standardization standardization{{9000, 9000, 9000}, {5000, 5000, 5000}};
  TrainingSettings settings;
  Trainer trainer;
};

const Shape small_image{12, 12, 3};

}  // namespace

BOOST_AUTO_TEST_SUITE(trainer_test)

BOOST_AUTO_TEST_CASE(micro_batches_give_the_bits_of_whole_batches_where_no_norm_is_trained) {
  const RampDataset data(Training::images, small_image);
  int nets = 0;
  for (const Case& c : small_nets) {
    if (!c.parameters.starts_with("{input: [12, 12, 3]") || !c.parameters.ends_with("norm: false}"))
      continue;
    ++nets;
    for (const Fusing fusing : {Fusing::fused, Fusing::unfused}) {
      Training whole(with_values(c), 0, fusing, data), parts(with_values(c), 32, fusing, data);
      for (const int64_t epoch : {1, 2}) {
        const EpochResult expected = whole.run(epoch), found = parts.run(epoch);
        BOOST_TEST(found.loss == expected.loss, c);
        BOOST_TEST(found.accuracy == expected.accuracy);
        BOOST_TEST(found.step == expected.step);
      }
      BOOST_TEST((parts.parameters() == whole.parameters()), c);
    }
  }
  BOOST_TEST(nets >= 2);
}

BOOST_AUTO_TEST_CASE(batch_norms_take_the_statistics_of_a_micro_batch) {
  const RampDataset data(Training::images, small_image);
  const Case c{"dws", "{input: [12, 12, 3], width: 0.25}"};
  Training whole(with_values(c), 0, Fusing::fused, data);
  Training parts(with_values(c), 32, Fusing::fused, data);
  whole.run(1);
  parts.run(1);
  BOOST_TEST((parts.parameters() != whole.parameters()));
}

BOOST_AUTO_TEST_CASE(a_step_whose_images_cannot_be_read_leaves_the_running_statistics) {
  const Case c{"dws", "{input: [12, 12, 3], width: 0.25}"};
  const RampDataset good(Training::images, small_image);
  std::vector<int64_t> order;
  shuffle(Rng(1).fork("order").fork(1), Training::images, order);
  const RampDataset broken(Training::images, small_image, order[60]);  // second micro batch
  Training whole(with_values(c), 32, Fusing::fused, broken);
  const std::vector<float> before = whole.parameters();
  BOOST_CHECK_THROW(whole.run(1), Error);
  BOOST_TEST((whole.parameters() == before));
}

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
  const auto progress = silent.begin("test", 64, "images", 0);
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
