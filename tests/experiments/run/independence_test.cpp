// What must not change a bit of any result: the number of threads, how images are cut into batches
// of evaluation (a chunk for each thread), and the order in which statistics are asked for.
#include <boost/test/unit_test.hpp>

#include "experiments/results/result_equality.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;

namespace {

struct Job {
  std::string name;
  std::vector<std::string> settings;  ///< what is put in place of tiny.yaml's
  std::vector<int> threads;           ///< that are compared with one
};

/// 203 test images: the last batch of evaluation is cut short for every number of threads.
const std::string data = "data.source={name: synthetic, train_images: 256, test_images: 203}";
/// Batches of 36 end in half a chunk, the last one has 4 images, and all are augmented.
const std::string augmented =
    "train={epochs: 2, batch_size: 36, last_batch: keep, crop_padding: 4, flip_probability: 0.5, "
    "schedule: {name: cosine, learning_rate: 0.05}}";
const std::string all_tables =
    "weights: {quantizer: {name: affine, bit_width: 4}}, activations: {quantizer: {name: affine, "
    "bit_width: 4}}, calibration: {images: 64}, sensitivity: {images: 64}";

Job net(const std::string& network, const std::string& algorithm) {
  return {network + ", " + algorithm,
          {augmented, "network.file=networks/" + network + ".yaml",
           "compute.algorithm=" + algorithm, "track.epochs=[0, 1, 2]"},
          {2, 3}};
}

const std::vector<Job> jobs = {
    net("dws", "auto"),
    net("regular", "winograd"),
    net("residual", "direct"),
    net("inverted_residual", "auto"),
    {"everything tracked",
     {"train.epochs=1", "track.steps=[2]", "track.gradients={}",
      "track.tensors={nodes: [conv1, logits], images: 16}", "variants=[]"},
     {2, 3, 5}},
    {"training with learned ranges",
     {"train.quantization={variant: low, folding: batch, weights: lsq, activations: lsq}",
      "track.every=1",
      "variants=[{name: low, weights: {quantizer: {name: affine, bit_width: 3}}, activations: "
      "{quantizer: {name: affine, bit_width: 4}}, calibration: {images: 64}}]"},
     {2, 3}},
    {"errors, codes and sensitivity",
     {"train.epochs=1", "variants=[{name: all, " + all_tables + "}]"},
     {2, 3}},
    {"repairs",
     {"train.epochs=1",
      "variants=[{name: repaired, weights: {quantizer: {name: affine, bit_width: 4}}, activations: "
      "{}, calibration: {images: 64}, repairs: {dead_channels: {}, equalize: {}, absorb: {}, "
      "correct_bias: {}, recalibrate: true}}, {name: rounded, weights: {quantizer: {name: affine, "
      "bit_width: 3}}, calibration: {images: 64}, repairs: {adaround: {iterations: 40}}}]"},
     {2, 3}},
};

struct Runs : Workplace {
  ResultReader result(const std::string& output, const Job& job, int threads,
                      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"--force", "--threads", std::to_string(threads), "--set",
                                       data};
    for (const auto& settings : {job.settings, more})
      for (const std::string& setting : settings)
        arguments.insert(arguments.end(), {"--set", setting});
    const Outcome outcome = run_tiny(output, arguments);
    BOOST_REQUIRE_MESSAGE(outcome.exit_code == 0, job.name << ": " << outcome.err);
    return ResultReader(path / output / "result.h5");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(independence_test, Runs)

BOOST_AUTO_TEST_CASE(the_number_of_threads_changes_no_bit) {
  for (const Job& job : jobs) {
    const ResultReader one = result("one", job, 1);
    BOOST_TEST(one.file().group("channelwise").names().size() > 1, job.name);
    for (const int threads : job.threads) {
      const std::string difference = first_difference(one, result("other", job, threads));
      BOOST_TEST(difference == "", job.name << ", " << threads << " threads: " << difference);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_statistics_changes_no_bit) {
  const Job job{"statistics", {"train.epochs=1", "track.gradients={}"}, {}};
  const std::string some[] = {"moments, quantiles, signs, histogram",
                              "histogram, signs, quantiles, moments"};
  const ResultReader one = result("one", job, 2, {"track.statistics=[" + some[0] + "]"});
  BOOST_TEST(one.file().has("channelwise/output/histogram"));
  const ResultReader other = result("other", job, 2, {"track.statistics=[" + some[1] + "]"});
  BOOST_TEST(first_difference(one, other) == "");
}

BOOST_AUTO_TEST_SUITE_END()
