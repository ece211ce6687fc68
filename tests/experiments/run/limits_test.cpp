// What a run needs is told before it runs, and refused where the machine has less.
#include "experiments/run/limits.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "framework/base/machine.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using namespace quantdyn::test;
namespace fs = std::filesystem;

namespace {

constexpr int64_t mib = 1 << 20, too_many = int64_t{1} << 60;

PlannedRun planned(const fs::path& output, int64_t memory, int64_t disk) {
  return {"net",
          output,
          {.memory = {{"data", 5, "less data"}, {"training", memory, "a smaller batch"}},
           .disk = {{"statistics", disk, "fewer snapshots"}, {"weights", 7, "no weights"}},
           .largest_file = disk / 2}};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(limits_test, Workplace)

BOOST_AUTO_TEST_CASE(sizes_are_told_in_binary_units) {
  for (const auto& [bytes, text] : {std::pair<int64_t, std::string>{0, "0 KiB"},
                                    {2000, "2 KiB"},
                                    {3 * mib / 2, "1.5 MiB"},
                                    {640 * mib, "640 MiB"},
                                    {5 * 512 * mib, "2.5 GiB"},
                                    {20480 * mib, "20 GiB"}})
    BOOST_TEST(size_text(bytes) == text);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_names_the_largest_part_and_what_to_change) {
  BOOST_TEST(excess({planned(path, mib, mib), planned(path, mib, mib)}) == "");
  const std::string memory = excess({planned(path, mib, mib), planned(path, too_many, mib)});
  BOOST_TEST(memory.starts_with("net: needs about 1073741824 GiB of memory, and may have "),
             memory);
  BOOST_TEST(contains(memory,
                      "most of it, 1073741824 GiB, is for training; accepted: a smaller "
                      "batch, or --ignore-limits"),
             memory);
  const std::string disk = excess({planned(path, mib, too_many)});
  BOOST_TEST(contains(disk, "of disk, and may have "), disk);
  BOOST_TEST(contains(disk, "is for statistics; accepted: fewer snapshots, or"), disk);
}

BOOST_AUTO_TEST_CASE(runs_share_the_disk_but_not_the_memory) {
  const Limit memory = memory_limit(), disk = disk_limit(path / "not/there/yet");
  BOOST_TEST(disk.bytes > 0);
  BOOST_TEST(memory.bytes > resident_memory());
  const PlannedRun half = planned(path, memory.bytes * 2 / 3, disk.bytes * 2 / 3);
  BOOST_TEST(excess({half}) == "");
  BOOST_TEST(contains(excess({half, half}), "of disk"));
}

BOOST_AUTO_TEST_CASE(runs_beside_each_other_share_the_memory) {
  const PlannedRun most = planned(path, memory_limit().bytes * 2 / 3, mib);
  const PlannedRun little = planned(path, mib, mib);
  BOOST_TEST(excess({most, little, most}) == "");
  BOOST_TEST(excess({most, little}, 2) == "");
  const std::string message = excess({most, little, most}, 2);
  BOOST_TEST(message.starts_with("--jobs 2: the 2 largest members together need about "), message);
  BOOST_TEST(contains(message, "accepted: fewer jobs, or --ignore-limits"), message);
}

BOOST_AUTO_TEST_CASE(the_disk_that_a_run_takes_is_estimated_within_half) {
  BOOST_REQUIRE(run_tiny("out", {"--set", "track.every=1"}).exit_code == 0);
  int64_t taken = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path / "out"))
    if (entry.is_regular_file()) taken += static_cast<int64_t>(entry.file_size());
  const std::string sets[] = {"track.every=1",
                              "network.file=" + (path / "networks/dws.yaml").string()};
  const Estimate needs = estimate(Experiment::read(path / "tiny.yaml", sets));
  int64_t estimated = 0;
  for (const Need& need : needs.disk)
    if (need.what != "checkpoints" || fs::exists(path / "out/checkpoints")) estimated += need.bytes;
  const double ratio = static_cast<double>(estimated) / static_cast<double>(taken);
  BOOST_TEST((0.8 < ratio && ratio < 1.5), estimated << " estimated, " << taken << " taken");
}

BOOST_AUTO_TEST_CASE(adaround_needs_memory_for_both_nets_and_for_a_layer_s_images) {
  const auto bytes_with = [&](const std::string& repair) {
    const std::string sets[] = {
        "network.file=" + (path / "networks/dws.yaml").string(),
        "variants=[{name: a, weights: {}, calibration: {images: 64}, repairs: {" + repair + "}}]"};
    const Estimate needs = estimate(Experiment::read(path / "tiny.yaml", sets));
    const auto found = std::ranges::find_if(
        needs.memory, [](const Need& need) { return contains(need.what, "calibration images"); });
    BOOST_REQUIRE((found != needs.memory.end()));
    return found->bytes;
  };
  const int64_t largest = 64 * (32 * 32 * (3 + 4)) * 4;  // the first layer: 3 to 4 channels
  BOOST_TEST(bytes_with("adaround: {}") >= 2 * bytes_with("correct_bias: {}") + largest);
}

BOOST_AUTO_TEST_CASE(micro_batches_shrink_the_memory_of_training) {
  const auto bytes_with = [&](const std::string& micro_batch) {
    const std::string sets[] = {"network.file=" + (path / "networks/dws.yaml").string(),
                                "train.batch_size=128", "train.micro_batch=" + micro_batch};
    const Estimate needs = estimate(Experiment::read(path / "tiny.yaml", sets));
    int64_t out = 0;
    for (const Need& need : needs.memory)
      if (contains(need.what, "training in batches") || contains(need.what, "micro batches"))
        out += need.bytes;
    return out;
  };
  BOOST_TEST(3 * bytes_with("32") < bytes_with("0"));
}

BOOST_AUTO_TEST_CASE(validate_and_run_refuse_what_does_not_fit_unless_told_to_go_on) {
  const auto in_shell = [&](const std::string& arguments) {
    const std::string command = fmt::format("cd '{}' && ulimit -f 16 && '{}' {} 2> err.txt",
                                            path.string(), QUANTDYN_PROGRAM, arguments);
    return WEXITSTATUS(std::system(command.c_str()));
  };
  for (const char* command : {"validate tiny.yaml > out.txt", "run tiny.yaml --output out"}) {
    BOOST_TEST(in_shell(command) == 2, command);
    BOOST_TEST(contains(text_of(path / "err.txt"), "of disk in one file, and may have "));
  }
  BOOST_TEST(!fs::exists(path / "out"));
  BOOST_TEST(in_shell("validate tiny.yaml --ignore-limits > out.txt") == 0);
  const std::string text = text_of(path / "out.txt");
  for (const char* part :
       {"  needs about ", " of memory, an estimate: ", " of disk, an estimate: "})
    BOOST_TEST(contains(text, part), text);
}

BOOST_AUTO_TEST_SUITE_END()
