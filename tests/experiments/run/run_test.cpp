// Runs that end well, badly or not at all: the same bits, and nothing that only looks like a
// result.
#include <sys/mount.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <map>
#include <thread>

#include "experiments/results/result_reader.h"
#include "tests/experiments/program.h"
#include "tests/skips.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

/// The bytes of every dataset below `group`, by path; floats as doubles, which loses nothing.
void collect(const h5::Group& group, const std::string& path,
             std::map<std::string, std::string>& into) {
  for (const std::string& name : group.names()) {
    const std::string below = path + "/" + name;
    if (group.is_group(name)) {
      collect(group.group(name), below, into);
      continue;
    }
    const h5::Dataset array = group.dataset(name);
    std::string& bytes = into[below];
    const auto append = [&](const auto& values) {
      bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
    };
    if (array.content() == h5::Content::floats) append(array.read<double>());
    if (array.content() == h5::Content::integers) append(array.read<int64_t>());
    if (array.content() == h5::Content::texts)
      for (const std::string& text : array.read_texts()) bytes += text + "\n";
  }
}

/// Everything that a run computed: not the seconds, nor what the file says about the run.
std::map<std::string, std::string> computed(const fs::path& result) {
  std::map<std::string, std::string> out;
  const ResultReader reader(result);
  for (const char* group :
       {"weights", "layerwise", "channelwise", "networkwise", "quantization", "training"})
    if (reader.file().has(group)) collect(reader.file().group(group), group, out);
  out.erase("training/seconds");
  return out;
}

double value(const fs::path& result, const std::string& metric,
             const std::string& variant = float_variant) {
  const ResultReader reader(result);
  return reader.row("networkwise/" + metric, reader.last(variant)).at(0);
}

/// A small file system of its own, where the system lets us have one.
struct SmallDisk {
  SmallDisk(const fs::path& folder, int64_t bytes) : path(folder) {
    fs::create_directories(folder);
    mounted =
        ::mount("tmpfs", folder.c_str(), "tmpfs", 0, fmt::format("size={}", bytes).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  fs::path path;
  bool mounted;
};

bool can_mount() {
  const OutputFolder folder;
  return SmallDisk(folder.path, 4096).mounted;
}

int64_t bytes_below(const fs::path& folder) {
  int64_t total = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      total += static_cast<int64_t>((entry.file_size() + 4095) / 4096 * 4096);
  return total;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run_test, Workplace)

BOOST_AUTO_TEST_CASE(another_seed_gives_other_weights) {
  BOOST_REQUIRE(run_tiny("a", {"--set", "variants=[]"}).exit_code == 0);
  BOOST_REQUIRE(run_tiny("b", {"--set", "variants=[]", "--set", "seed=4"}).exit_code == 0);
  const auto a = computed(path / "a/result.h5"), b = computed(path / "b/result.h5");
  BOOST_TEST((a.at("weights/1/conv1.conv/weight") != b.at("weights/1/conv1.conv/weight")));
  BOOST_TEST((a.at("training/loss") != b.at("training/loss")));
}

BOOST_AUTO_TEST_CASE(weights_of_another_result_need_no_training) {
  BOOST_REQUIRE(run_tiny("other").exit_code == 0);
  const Outcome again =
      run_tiny("again", {"--set", "weights=other/result.h5", "--set", "train.epochs=0"});
  BOOST_REQUIRE_MESSAGE(again.exit_code == 0, again.err);
  const fs::path trained = path / "other/result.h5", loaded = path / "again/result.h5";
  for (const char* metric : {"accuracy", "cross_entropy", "average_channel_precision"})
    for (const char* variant : {"float32", "int8", "int4"})
      BOOST_TEST(value(trained, metric, variant) == value(loaded, metric, variant),
                 metric << " of " << variant);
  BOOST_TEST(computed(loaded).at("training/epoch").empty());

  // Nor do they need a network file: the result has the net.
  const Outcome alone = run_tiny("alone", {"--set", "weights=other/result.h5", "--set",
                                           "train.epochs=0", "--set", "network={}"});
  BOOST_REQUIRE_MESSAGE(alone.exit_code == 0, alone.err);
  BOOST_TEST(value(trained, "accuracy", "int4") ==
             value(path / "alone/result.h5", "accuracy", "int4"));
  BOOST_TEST(contains(run_tiny("none", {"--set", "network={}"}).err,
                      "file: missing; expected a network file, or `weights` with a net"));
  BOOST_TEST(contains(
      run_tiny("width", {"--set", "weights=other/result.h5", "--set", "network={width: 1}"}).err,
      "width: unknown key; accepted here: file"));
  // A result's folder stands for it.
  BOOST_TEST(run({"inspect", "alone"}).out == run({"inspect", "alone/result.h5"}).out);
  BOOST_TEST(contains(run({"inspect", "."}).err,
                      ".: a folder without result.h5; accepted: a "
                      "result's file or folder, such as ./again, ./alone"));
}

BOOST_AUTO_TEST_CASE(a_snapshot_in_training_is_quantized_as_if_training_had_ended_there) {
  const Outcome trained = run_tiny("curve", {"--set",
                                             "track={probe_images: 32, epochs: [1], "
                                             "steps: [3], quantize: [int4, int8]}"});
  BOOST_REQUIRE_MESSAGE(trained.exit_code == 0, trained.err);
  const ResultReader curve(path / "curve/result.h5");
  std::string order;
  for (const SnapshotLabel& s : curve.snapshots())
    order += fmt::format("{} {} ", s.step, s.variant);
  BOOST_TEST(order ==
             "3 float32 3 int8 3 int4 8 float32 8 int8 8 int4 16 float32 16 int8 16 int4 ");
  // Snapshot 3 is float32 after epoch 1: another run starts from its weights and quantizes them.
  const Outcome there = run_tiny(
      "there", {"--set", "weights=curve/snapshots/snapshot-0003.h5", "--set", "train.epochs=0"});
  BOOST_REQUIRE_MESSAGE(there.exit_code == 0, there.err);
  const ResultReader alone(path / "there/result.h5");
  for (const char* variant : {"int8", "int4"}) {
    for (const std::string name :
         {"networkwise/accuracy", "networkwise/qce", "networkwise/logits_sqnr",
          "layerwise/output/local_sqnr", "layerwise/output/accumulated_sqnr"})
      BOOST_TEST(
          curve.row(name, curve.at_epoch(1, variant)) == alone.row(name, alone.last(variant)),
          variant << " " << name);
  }
  const Outcome unknown = run_tiny("unknown", {"--set", "track.quantize=[int8, int2]"});
  BOOST_TEST(unknown.exit_code == 2);
  BOOST_TEST(contains(unknown.err, "quantize: no variant 'int2'; accepted: int8, int4"),
             unknown.err);
}

BOOST_AUTO_TEST_CASE(no_fuse_agrees_to_rounding) {
  BOOST_REQUIRE(
      run_tiny("fused", {"--set", "train.epochs=1", "--set", "train.schedule.learning_rate=1e-3"})
          .exit_code == 0);
  BOOST_REQUIRE(run_tiny("unfused", {"--no-fuse", "--set", "train.epochs=1", "--set",
                                     "train.schedule.learning_rate=1e-3"})
                    .exit_code == 0);
  BOOST_REQUIRE(run_tiny("reloaded", {"--no-fuse", "--set", "weights=fused/result.h5", "--set",
                                      "train.epochs=0"})
                    .exit_code == 0);
  const fs::path fused = path / "fused/result.h5", unfused = path / "unfused/result.h5",
                 reloaded = path / "reloaded/result.h5";
  BOOST_TEST(value(fused, "accuracy") == value(reloaded, "accuracy"));
  const double loss = value(fused, "cross_entropy");
  BOOST_TEST(std::abs(value(reloaded, "cross_entropy") - loss) < 1e-5 * loss);
  BOOST_TEST(std::abs(value(unfused, "cross_entropy") - loss) < 1e-3 * loss);
  const std::string losses = "training/loss";
  BOOST_TEST((computed(fused).at(losses) != ""));
  const double one = ResultReader(fused).file().dataset(losses).read<double>()[0];
  const double other = ResultReader(unfused).file().dataset(losses).read<double>()[0];
  BOOST_TEST(std::abs(one - other) < 1e-4 * one, one << " and " << other);
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_stops_with_epoch_step_and_node) {
  for (const char* fuse : {"true", "false"}) {
    const std::string output = std::string("fuse_") + fuse;
    const Outcome outcome =
        run_tiny(output, {"--set", "train.schedule.learning_rate=1e30", "--set",
                          std::string("compute.fuse=") + fuse, "--threads", "1"});
    BOOST_TEST(outcome.exit_code == 1);
    for (const char* part : {"the loss is ", " in epoch 1, step 1; ", "not finite: conv1.norm"})
      BOOST_TEST(contains(outcome.err, part), outcome.err);
    BOOST_TEST(!fs::exists(path / output / "result.h5"));
    const ResultReader snapshot(path / output / "snapshots/snapshot-0000.h5");
    BOOST_TEST(snapshot.last().epoch == 0);
    BOOST_TEST(snapshot.parameter(snapshot.last(), "logits", "bias", {10}).size() == 10u);
  }
}

BOOST_AUTO_TEST_CASE(weights_that_cannot_be_folded_fail_their_variants_and_leave_the_float_net) {
  const Outcome outcome = run_tiny("out", {"--set", "train.schedule.learning_rate=1e30", "--set",
                                           "train.epochs=1", "--set", "train.batch_size=256"});
  BOOST_TEST(outcome.exit_code == 1);
  for (const char* what : {"step 1: no statistics of folded weights", "int8", "int4"})
    BOOST_TEST(contains(outcome.err, fmt::format("tiny: {}: node 'conv1.norm': folded weight of "
                                                 "channel",
                                                 what)),
               outcome.err);
  const ResultReader result(path / "out/result.h5");
  BOOST_TEST(result.last().epoch == 1);
  BOOST_TEST(result.row("networkwise/nonfinite_images", result.last()).at(0) > 0);
  BOOST_TEST(contains(result.file().group("provenance").text("failures"), "tiny: int4: node"));
}

BOOST_AUTO_TEST_CASE(a_kill_leaves_no_result_and_a_fresh_run_works) {
  const fs::path output = path / "out";
  int interrupted = 0;
  for (int signal : {SIGINT, SIGKILL}) {
    Child child(path,
                {"run", "tiny.yaml", "--quiet", "--output", "out", "--set", "train.epochs=1000000",
                 "--set", "track.every=1", "--fresh", "--ignore-limits"});
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    const auto has_begun = [&] {  // after the snapshots of the run before
      return (interrupted == 0 || fs::exists(output / "snapshots.interrupted.1")) &&
             fs::exists(output / "snapshots/snapshot-0001.h5");
    };
    while (!has_begun() && !child.has_ended() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    child.send(signal);
    const Outcome outcome = child.wait();
    BOOST_TEST(outcome.exit_code == (signal == SIGINT ? 128 + SIGINT : -signal), outcome.err);
    BOOST_TEST(!fs::exists(output / "result.h5"));
    BOOST_TEST(ResultReader(output / "snapshots/snapshot-0001.h5").last().epoch == 1);
    if (interrupted++ > 0)
      BOOST_TEST(fs::exists(output / "snapshots.interrupted.1/snapshot-0001.h5"));
  }
  const Outcome refused = run({"run", "tiny.yaml", "--output", "out"});
  BOOST_TEST(refused.exit_code == 2, refused.err);
  BOOST_TEST(contains(refused.err, "train.epochs: 1000000, now 2"), refused.err);
  const Outcome next = run({"run", "tiny.yaml", "--output", "out", "--fresh"});
  BOOST_TEST(next.exit_code == 0, next.err);
  BOOST_TEST(contains(next.err,
                      "snapshots of an interrupted run were moved to "
                      "out/snapshots.interrupted.2"));
  BOOST_TEST(ResultReader(output / "result.h5").snapshots().size() == 4u);
  BOOST_TEST(ResultReader(output / "snapshots.interrupted.2/snapshot-0001.h5").last().epoch == 1);
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_no_result,
                     *needs("the right to mount a file system", can_mount)) {
  BOOST_REQUIRE(run_tiny("enough").exit_code == 0);
  const int64_t snapshots = bytes_below(path / "enough/snapshots");
  const int64_t result = static_cast<int64_t>(fs::file_size(path / "enough/result.h5"));
  for (int64_t bytes : {snapshots / 8, snapshots + result / 2}) {
    const SmallDisk disk(path / "disk", bytes);
    BOOST_REQUIRE(disk.mounted);
    const Outcome refused = run_tiny("disk");
    BOOST_TEST(refused.exit_code == 2, refused.err);
    BOOST_TEST(contains(refused.err, "(free space of the disk)"), refused.err);
    const Outcome outcome = run_tiny("disk", {"--ignore-limits"});
    BOOST_TEST(outcome.exit_code == 1, outcome.err);
    BOOST_TEST((contains(outcome.err, "No space left on device") ||
                contains(outcome.err, "so make room and run again")),
               outcome.err);
    BOOST_TEST(!fs::exists(disk.path / "result.h5"));
    int readable = 0;
    for (const auto& entry : fs::directory_iterator(disk.path / "snapshots"))
      if (entry.path().extension() == ".h5") {
        BOOST_TEST(ResultReader(entry.path()).snapshots().size() == 1u);
        ++readable;
      }
    BOOST_TEST(readable == (bytes > snapshots ? 4 : 0));
  }
}

BOOST_AUTO_TEST_CASE(images_without_labels_give_errors_of_quantization_and_no_accuracy) {
  std::string yaml = tiny_yaml();
  const std::string source = "{name: synthetic, train_images: 256, test_images: 64}";
  yaml.replace(yaml.find(source), source.size(), "{name: unlabelled, of: " + source + "}");
  write("unlabelled.yaml", yaml);
  // A net of any number of classes fits.
  const Outcome outcome = run({"run", "unlabelled.yaml", "--output", "out", "--set",
                               "train.epochs=0", "--set", "network.classes=3"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.err, "int8  accuracy -"), outcome.err);
  const fs::path result = path / "out" / "result.h5";
  for (const char* variant : {float_variant, "int8"})
    for (const char* metric : {"accuracy", "cross_entropy"})
      BOOST_TEST(std::isnan(value(result, metric, variant)), metric << " of " << variant);
  BOOST_TEST(value(result, "agreement", "int8") > 0.5);
  BOOST_TEST(value(result, "logits_sqnr", "int8") > 10);
}

BOOST_AUTO_TEST_SUITE_END()
