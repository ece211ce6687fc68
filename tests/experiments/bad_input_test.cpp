// What the program says to files that are wrong: the place, what was found, exit code 2, no output.
#include <boost/test/unit_test.hpp>

#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

/// tiny.yaml with `from` replaced, once.
std::string tiny_with(const std::string& from, const std::string& to) {
  std::string text = tiny_yaml();
  const size_t place = text.find(from);
  BOOST_REQUIRE(place != std::string::npos);
  return text.replace(place, from.size(), to);
}

struct BadInput : Workplace {
  /// Both commands refuse the experiment with the same message, and a run leaves no folder behind.
  void expect_refused(const std::string& experiment, const std::string& message) const {
    write("bad.yaml", experiment);
    for (const char* command : {"validate", "run"}) {
      const Outcome outcome = run({command, "bad.yaml", "--output", "out"});
      BOOST_TEST(outcome.exit_code == 2, command << ": " << outcome.err);
      BOOST_TEST(contains(outcome.err, message), outcome.err << " does not hold: " << message);
    }
    BOOST_TEST(!fs::exists(path / "out"));
  }
  void expect_refused_net(const std::string& network, const std::string& message) const {
    write("net.yaml", network);
    expect_refused(tiny_with("{file: networks/dws.yaml, width: 0.125}", "{file: net.yaml}"),
                   message);
  }

  /// Six CIFAR-10 files of ten records; `edit` may spoil the test batch.
  template <typename Edit>
  void expect_refused_cifar(const Edit& edit, const std::string& message) const {
    fs::create_directories(path / "cifar");
    std::string records(size_t{10} * 3073, '\0');
    for (size_t i = 0; i < records.size(); ++i) records[i] = static_cast<char>(i * i % 251);
    for (size_t i = 0; i < 10; ++i) records[i * 3073] = static_cast<char>(i);
    for (int i = 1; i <= 5; ++i) write(fmt::format("cifar/data_batch_{}.bin", i), records);
    edit(records);
    write("cifar/test_batch.bin", records);
    const std::string experiment = R"(data:
  source: {name: cifar10, directory: cifar, images_per_file: 10}
network: {file: networks/dws.yaml, width: 0.125}
train: {epochs: 1, batch_size: 8, schedule: {name: constant, learning_rate: 0.1}}
track: {probe_images: 8}
)";
    if (!message.empty()) return expect_refused(experiment, message);
    write("good.yaml", experiment);
    const Outcome outcome = run({"validate", "good.yaml"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bad_input_test, BadInput)

BOOST_AUTO_TEST_CASE(keys_and_values_are_refused_with_file_and_line) {
  expect_refused(tiny_with("  epochs: 2", "  epochs: 2\n  epoch: 3"),
                 "bad.yaml:8: epoch: unknown key; accepted here: quantization, epochs");
  expect_refused(tiny_with("seed: 3", "seed: 3\nseed: 4"), "bad.yaml:3: seed");
  expect_refused(tiny_with("epochs: 2", "epochs: two"),
                 "bad.yaml:7: epochs: expected a whole number from 0 to 1000000000, found 'two'");
  expect_refused(tiny_with("epochs: 2", "epochs: [2]"), "bad.yaml:7: epochs: expected a whole");
  expect_refused(tiny_with("batch_size: 32", "batch_size: 0"),
                 "bad.yaml:8: batch_size: 0 is out of range; accepted: a whole number from 1 to");
  expect_refused(tiny_with("learning_rate: 0.05", "learning_rate: .nan"),
                 "bad.yaml:9: learning_rate");
  expect_refused(tiny_with(", learning_rate: 0.05", ""), "bad.yaml:9: learning_rate: missing");
  expect_refused(tiny_with("bit_width: 4", "bit_width: 17"),
                 "bad.yaml:17: bit_width: 17 is out of");
  expect_refused(tiny_with("name: int4", "name: int8"),
                 "bad.yaml:16: name: 'int8' is the name of an earlier");
  expect_refused(tiny_with("train:", "train: {"), "bad.yaml:");
  expect_refused("", "bad.yaml:");
}

BOOST_AUTO_TEST_CASE(combinations_that_cannot_be_are_refused) {
  expect_refused(
      tiny_with("batch_size: 32", "batch_size: 257"),
      "bad.yaml:8: batch_size: the training set's 256 images do not fill a batch of 257");
  expect_refused(tiny_with("probe_images: 32", "probe_images: 72"),
                 "bad.yaml:10: probe_images: 72 asked for, the test set has 64");
  expect_refused(tiny_with("calibration: {images: 64}", "calibration: {images: 257}"),
                 "bad.yaml:15: images: 257 asked for, the training set has 256");
  expect_refused(
      tiny_with("{name: synthetic, train_images: 256, test_images: 64}",
                "{name: unlabelled, of: synthetic}"),
      "bad.yaml:7: epochs: 2 asked for, but the images of synthetic train without labels "
      "have no labels; accepted: 0");
  expect_refused(tiny_with("width: 0.125", "width: 0.125, input: [16, 16, 3]"),
                 "the net reads images [16, 16, 3], the data have [32, 32, 3]");
  expect_refused(tiny_with("width: 0.125", "width: 0.125, classes: 7"),
                 "the net's last node 'logits' gives [7], the data have 10 classes");
}

BOOST_AUTO_TEST_CASE(micro_batches_and_orders_that_cannot_be_are_refused) {
  const auto with = [](const std::string& more) {
    return tiny_with("batch_size: 32", "batch_size: 32\n  " + more);
  };
  for (const char* images : {"12", "64", "1"})
    expect_refused(with(fmt::format("micro_batch: {}", images)),
                   fmt::format("bad.yaml:9: micro_batch: micro batches of {} images for a batch of "
                               "32; accepted: 8 times a power of two that divides the batch size, "
                               "or 0: the whole batch",
                               images));
  expect_refused(with("micro_batch: -8"), "bad.yaml:9: micro_batch: -8 is out of range; accepted:");
  expect_refused(with("micro_batch: 8\n  quantization: {variant: int8}"),
                 "bad.yaml:9: micro_batch: ranges and quantized weights follow whole batches; "
                 "accepted: 0 with train.quantization");
  expect_refused(with("shuffle: chunks"),
                 "bad.yaml:9: shuffle: synthetic train: no two images lie in one chunk of a file; "
                 "accepted: shuffle: full, or an HDF5 file with several images in a chunk");
  expect_refused(with("shuffle_chunks: 4"),
                 "bad.yaml:9: shuffle_chunks: does nothing with shuffle: full; leave it out");
}

BOOST_AUTO_TEST_CASE(a_batch_that_a_norm_cannot_use_is_refused) {
  write("net.yaml", R"(input: [32, 32, 3]
nodes:
  - block: {name: conv1, channels: 4, stride: 32}
  - flatten: {name: flat}
  - dense: {name: logits, units: 10}
)");
  const std::string net = tiny_with("{file: networks/dws.yaml, width: 0.125}", "{file: net.yaml}");
  std::string one = net, rest = net;
  one.replace(one.find("batch_size: 32"), 14, "batch_size: 1");
  rest.replace(rest.find("batch_size: 32"), 14, "batch_size: 255\n  last_batch: keep");
  for (const std::string& experiment : {one, rest})
    expect_refused(experiment,
                   "bad.yaml:8: batch_size: a batch of 1 image leaves the batch norm 'conv1.norm'");
  rest.replace(rest.find("keep"), 4, "drop");
  write("good.yaml", rest);
  BOOST_TEST(run({"validate", "good.yaml"}).exit_code == 0);
}

BOOST_AUTO_TEST_CASE(missing_files_are_refused_where_they_are_named) {
  expect_refused(
      tiny_with("networks/dws.yaml", "networks/missing.yaml"),
      fmt::format("bad.yaml:5: file: {}: no such file", (path / "networks/missing.yaml").string()));
  expect_refused("weights: missing/result.h5\n" + tiny_yaml(), "bad.yaml:1: weights: ");
  expect_refused("weights: missing/result.h5\n" + tiny_yaml(), "missing/result.h5: no such file");
  expect_refused(
      tiny_with("name: synthetic, train_images: 256, test_images: 64",
                "name: cifar10, directory: missing"),
      "bad.yaml:4: directory: " + (path / "missing/data_batch_1.bin").string() + ": no such file");
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_refused_wherever_a_file_is_named) {
  const std::string folder = path.string();
  expect_refused("weights: .\n" + tiny_yaml(), "bad.yaml:1: weights: ");
  expect_refused(tiny_with("networks/dws.yaml", "networks"), "/networks: a folder, not a file");
  expect_refused(tiny_with("networks/dws.yaml", "/dev/zero"),
                 "bad.yaml:5: file: /dev/zero: a pipe, socket or device, not a file");
  expect_refused(tiny_with("networks/dws.yaml", std::string(5000, 'x')), "bad.yaml:5: file: ");
  expect_refused("plugins: [networks]\n" + tiny_yaml(), "/networks: a folder, not a file");
  expect_refused(
      tiny_with(
          "name: synthetic, train_images: 256, test_images: 64",
          "name: hdf5, file: networks, train_x: a, train_y: b, test_x: c, test_y: d, classes: 10"),
      "networks");
  expect_refused(tiny_with("name: synthetic, train_images: 256, test_images: 64",
                           "name: cifar10, directory: tiny.yaml"),
                 "tiny.yaml");
}

BOOST_AUTO_TEST_CASE(escapes_in_values_are_not_printed_raw) {
  write("esc.yaml", tiny_with("learning_rate: 0.05", "learning_rate: x"));
  const Outcome set = run({"validate", "tiny.yaml", "--set", "train.epochs=\"\x1b[2Jx\""});
  BOOST_TEST(set.exit_code == 2);
  BOOST_TEST(set.err.find('\x1b') == std::string::npos);
  BOOST_TEST(contains(set.err, "\\u001b"), set.err);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"inspect", "\x1b[2J"},
                                                    {"\x1b[2J"},
                                                    {"list", "\x1b[2J"},
                                                    {"run", "--\x1b[2J"},
                                                    {"run", "\x1b[2J.yaml"}}) {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.exit_code == 2, arguments[0]);
    BOOST_TEST(contains(outcome.err, "\\u001b[2J"), outcome.err);
  }
  const Outcome flood = run({"list", std::string(100'000, 'x')});
  BOOST_TEST(flood.err.size() < 10'000u);
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit_are_refused_before_any_compute) {
  expect_refused("weights: tiny.yaml\n" + tiny_yaml(), "bad.yaml:1: weights: ");
  BOOST_REQUIRE(run_tiny("other", {"--set", "train.epochs=0", "--set", "variants=[]"}).exit_code ==
                0);
  const std::string with_weights = "weights: other/result.h5\n" + tiny_yaml();
  write("good.yaml", with_weights);
  BOOST_TEST(run({"validate", "good.yaml"}).exit_code == 0);
  std::string wider = with_weights;
  expect_refused(
      wider.replace(wider.find("0.125"), 5, "0.25"),
      "parameter 'weight' of node 'conv1.conv' has the shape [3, 3, 3, 4]; the net expects "
      "[3, 3, 3, 8]");
}

BOOST_AUTO_TEST_CASE(dataset_files_are_refused_with_file_and_offset) {
  const std::string file = (path / "cifar/test_batch.bin").string();
  expect_refused_cifar([](std::string&) {}, "");
  expect_refused_cifar([](std::string& bytes) { bytes.resize(30000); },
                       file + ": byte 30000: the file ends here; expected 30730 bytes");
  expect_refused_cifar([](std::string& bytes) { bytes[size_t{2} * 3073] = 11; },
                       file + ": byte 6146: label 11 in record 2; expected 0 to 9");
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_name_both_nodes_and_shapes) {
  const std::string net = R"(input: [32, 32, 3]
nodes:
  - conv2d: {name: wide, channels: 8, kernel: 3}
  - conv2d: {name: narrow, channels: 4, kernel: 3, inputs: input}
  - add: {name: sum, inputs: [wide, narrow]}
  - global_average_pool: {name: pool}
  - dense: {name: logits, units: 10}
)";
  expect_refused_net(net, "net.yaml:5:");
  expect_refused_net(net, "'wide' gives [32, 32, 8], 'narrow' gives [32, 32, 4]");
}

BOOST_AUTO_TEST_CASE(nets_that_cannot_be_are_refused) {
  const std::string begin = "input: [32, 32, 3]\nnodes:\n";
  const std::string end =
      "  - global_average_pool: {name: pool}\n  - dense: {name: logits, units: 10}\n";
  expect_refused_net(begin + "  - conv3d: {name: a}\n" + end,
                     "net.yaml:3: conv3d: unknown kind of node; accepted: block");
  expect_refused_net(begin + "  - relu: {name: a, slope: 2}\n" + end,
                     "net.yaml:3: slope: unknown key");
  expect_refused_net(begin + "  - relu: {name: a, inputs: b}\n" + end, "node 'a' reads 'b', which");
  expect_refused_net(begin + "  - relu: {name: a}\n  - relu: {name: a}\n" + end,
                     "two nodes are called 'a'");
  expect_refused_net(begin + "  - relu: {name: a}\n  - relu: {name: b, inputs: input}\n" + end,
                     "net.yaml:3: node 'a' is read by no other node");
  expect_refused_net(begin + "  - relu: {name: a}\n  - batch_norm: {name: norm}\n" + end,
                     "net.yaml:4: node 'norm': this batch norm cannot be folded");
}

BOOST_AUTO_TEST_CASE(an_output_folder_that_cannot_be_is_refused_before_training) {
  write("file", "");
  for (const char* output : {"file", "file/below"}) {
    const Outcome outcome = run_tiny(output, {"--set", "train.epochs=1000000000"});
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(contains(outcome.err, std::string(output) + ": the output folder cannot be created"),
               outcome.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()
