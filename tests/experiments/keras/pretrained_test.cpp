// The pretrained nets of MLPerf Tiny, where they are at hand: QUANTDYN_SHARED names the folder that
// holds data/mlperf-tiny/, by default the source's neighbour `shared`.
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "experiments/keras/import.h"
#include "experiments/method/quantized_twin.h"
#include "experiments/results/result_reader.h"
#include "tests/experiments/logits.h"
#include "tests/experiments/program.h"
#include "tests/skips.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

fs::path model_folder() {
  const char* const shared = std::getenv("QUANTDYN_SHARED");
  return fs::path(shared ? shared : QUANTDYN_SHARED_FOLDER) / "data" / "mlperf-tiny";
}

boost::unit_test::precondition needs_resnet8() {
  return needs_file(model_folder() / "pretrainedResnet.h5");
}
boost::unit_test::precondition needs_mobilenet_v1() {
  return needs_file(model_folder() / "vww_96.h5");
}

struct Pretrained : Workplace {
  const fs::path folder = model_folder();

  /// A metric of the last snapshot of a variant.
  double value(const std::string& output, const std::string& metric,
               const std::string& variant) const {
    const ResultReader reader(path / output / "result.h5");
    return reader.row("networkwise/" + metric, reader.last(variant)).at(0);
  }
  /// Runs an example of experiments/ on a model of the folder.
  void run_example(const std::string& example, const std::string& model,
                   const std::vector<std::string>& sets) const {
    const fs::path file = fs::path(QUANTDYN_SOURCE_NETWORKS).parent_path() / (example + ".yaml");
    std::vector<std::string> arguments{"run", file.string(), "--quiet", "--output", example};
    arguments.insert(arguments.end(), {"--set", "network.file=" + (folder / model).string()});
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    const Outcome outcome = run(arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  }
};

/// Pixel (row, column) of channel c is (7 row + 3 column + 50 c) mod 256, times `scale`.
std::vector<float> pattern(int64_t size, float scale) {
  std::vector<float> out;
  for (int64_t row = 0; row < size; ++row)
    for (int64_t column = 0; column < size; ++column)
      for (int64_t c = 0; c < 3; ++c)
        out.push_back(static_cast<float>((7 * row + 3 * column + 50 * c) % 256) * scale);
  return out;
}

/// The largest difference, in shares of the largest expected value.
double difference(const Network& network, const std::vector<float>& image,
                  const std::vector<double>& expected) {
  const Tensor<float> logits =
      logits_of(network, {image.data(), network.input_shape().batch_of(1)});
  double worst = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(logits[static_cast<int64_t>(i)] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

const std::vector<std::string> little = {"track={probe_images: 16, statistics: []}",
                                         "variants.0.calibration={images: 32}",
                                         "variants.1.calibration={images: 32}"};

std::vector<std::string> with(std::vector<std::string> sets, const std::string& more) {
  sets.push_back(more);
  return sets;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pretrained_test, Pretrained)

// Expected logits: the same file in Keras 3.15, its softmax taken off, on pattern().
BOOST_AUTO_TEST_CASE(resnet8_gives_the_logits_of_keras, *needs_resnet8()) {
  const Network network = import_keras(folder / "pretrainedResnet.h5");
  BOOST_TEST(network.trained_count() == 78186);
  BOOST_TEST(network.multiply_accumulates() == 12501632);
  check_foldable(network);
  BOOST_TEST(
      difference(network, pattern(32, 1),
                 {-3.669214963912964, -4.437316417694092, -10.143651962280273, -2.588111639022827,
                  -7.686466693878174, -3.3714957237243652, -6.810198783874512, -9.639642715454102,
                  -2.107863187789917, -4.3141374588012695}) < 1e-5);
}

BOOST_AUTO_TEST_CASE(mobilenet_v1_gives_the_logits_of_keras, *needs_mobilenet_v1()) {
  const Network network = import_keras(folder / "vww_96.h5");
  BOOST_TEST(network.trained_count() == 216322);
  BOOST_TEST(network.multiply_accumulates() == 7489664);
  check_foldable(network);
  BOOST_TEST(difference(network, pattern(96, 1.0f / 255),
                        {0.17223790287971497, -0.13148194551467896}) < 1e-5);
}

const std::string images = "{name: synthetic, train_images: 32, test_images: 32}";

BOOST_AUTO_TEST_CASE(the_example_quantizes_resnet8, *needs_resnet8()) {
  run_example("pretrained_resnet8", "pretrainedResnet.h5", with(little, "data.source=" + images));
  for (const char* variant : {"int8", "int8-channelwise"})
    BOOST_TEST(value("pretrained_resnet8", "logits_sqnr", variant) > 10, variant);
}

BOOST_AUTO_TEST_CASE(the_example_quantizes_mobilenet_v1, *needs_mobilenet_v1()) {
  run_example("pretrained_vww", "vww_96.h5", with(little, "data.source.of.of=" + images));
  for (const char* variant : {"int8", "int8-channelwise"})
    BOOST_TEST(value("pretrained_vww", "logits_sqnr", variant) > 10, variant);
}

// Expected: an independent evaluation of the file on all 10,000 test images.
BOOST_AUTO_TEST_CASE(resnet8_has_its_accuracy_on_cifar10, *needs_resnet8() * needs_cifar10()) {
  const char* const cifar10 = std::getenv("QUANTDYN_CIFAR10");
  run_example(
      "pretrained_resnet8", "pretrainedResnet.h5",
      {"data.source.directory=" + std::string(cifar10), "track.statistics=[]", "variants=[]"});
  BOOST_TEST(value("pretrained_resnet8", "accuracy", float_variant) == 0.7548);
  const double cross_entropy = value("pretrained_resnet8", "cross_entropy", float_variant);
  BOOST_TEST(std::abs(cross_entropy - 0.7873) < 5e-5, cross_entropy);
}

BOOST_AUTO_TEST_SUITE_END()
